#include "server/upstream/grpc_channel.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <limits>
#include <string_view>

#include "server/base/log.h"

namespace mcpbridge {
namespace {

using std::chrono::milliseconds;

// A connection with calls on it is asked for a sign of life this often. gRPC's servers close
// connections, and all calls on them with it, that ask more often than every 5 minutes, unless they
// are configured otherwise. That a peer has gone while a request is on its way to it is noticed
// sooner: gRPC has the kernel give up on bytes that aren't acknowledged within the timeout.
constexpr milliseconds kKeepaliveTime = std::chrono::seconds(305);
constexpr milliseconds kKeepaliveTimeout = std::chrono::seconds(20);

// Between attempts to connect, doubling from the one to the other, as with all servers; and the
// longest that one attempt takes.
constexpr milliseconds kFirstWait{100};
constexpr milliseconds kLongestWait{10'000};
constexpr milliseconds kConnectTime{5'000};

int ToInt(milliseconds time) { return static_cast<int>(time.count()); }

std::shared_ptr<grpc::ChannelCredentials> TlsCredentials() {
  grpc::SslCredentialsOptions options;
  const char* const path = std::getenv("SSL_CERT_FILE");
  if (path != nullptr && *path != '\0') {
    std::ifstream file(path);
    options.pem_root_certs.assign(std::istreambuf_iterator<char>(file), {});
    if (options.pem_root_certs.empty()) {
      spdlog::error("SSL_CERT_FILE can't be read: no server over grpcs can be reached");
      options.pem_root_certs = "none";  // empty would be gRPC's own choice
    }
  }
  return grpc::SslCredentials(options);
}

}  // namespace

std::shared_ptr<grpc::Channel> MakeGrpcChannel(const std::string& url, std::size_t response_bytes) {
  constexpr auto kMax = static_cast<std::size_t>(std::numeric_limits<int>::max());
  grpc::ChannelArguments arguments;
  // Shared with nobody: another server at the same address has connections of its own.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetMaxReceiveMessageSize(static_cast<int>(std::min(response_bytes, kMax)));
  arguments.SetMaxSendMessageSize(-1);  // limits.request_bytes has bounded it before
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, ToInt(kKeepaliveTime));
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, ToInt(kKeepaliveTimeout));
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);  // no limit
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, ToInt(kFirstWait));
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, ToInt(kLongestWait));
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, ToInt(kConnectTime));
  const std::size_t scheme_end = url.find("://");
  const std::string_view scheme = std::string_view(url).substr(0, scheme_end);
  const std::string rest = url.substr(scheme_end + 3);
  return grpc::CreateCustomChannel(
      scheme == "grpc+unix" ? "unix:" + rest : "dns:///" + rest,
      scheme == "grpcs" ? TlsCredentials() : grpc::InsecureChannelCredentials(), arguments);
}

}  // namespace mcpbridge

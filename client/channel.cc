#include "client/channel.h"

#include <grpc/grpc.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include <algorithm>
#include <limits>
#include <string_view>
#include <utility>

namespace mcpbridge::client {
namespace {

CallError Invalid(const std::string& message) {
  return {.code = StatusCode::kInvalidArgument, .message = message};
}

bool IsPem(std::string_view text) { return text.find("-----BEGIN ") != std::string_view::npos; }

std::shared_ptr<grpc::ChannelCredentials> CredentialsOf(const ClientOptions& options) {
  if (!options.tls) return grpc::InsecureChannelCredentials();
  return grpc::SslCredentials({.pem_root_certs = options.tls->root_certificates,
                               .pem_private_key = options.tls->client_key,
                               .pem_cert_chain = options.tls->client_certificates});
}

}  // namespace

std::optional<CallError> ErrorIn(const ClientOptions& options) {
  if (!options.tls) return std::nullopt;
  const auto& tls = *options.tls;
  if (tls.client_certificates.empty() != tls.client_key.empty()) {
    return Invalid("a client certificate and its key go together: only one of them is given");
  }
  for (const auto& [what, text] : {std::pair("root certificates", &tls.root_certificates),
                                   std::pair("client certificate", &tls.client_certificates),
                                   std::pair("client key", &tls.client_key)}) {
    if (!text->empty() && !IsPem(*text)) {
      return Invalid(std::string("there is nothing in PEM form in the ") + what);
    }
  }
  return std::nullopt;
}

std::shared_ptr<grpc::Channel> MakeChannel(const std::string& address,
                                           const ClientOptions& options) {
  grpc::ChannelArguments arguments;
  constexpr std::size_t kMost = std::numeric_limits<int>::max();
  arguments.SetMaxReceiveMessageSize(static_cast<int>(std::min(options.max_response_bytes, kMost)));
  // The bridge is next door: a proxy from the environment isn't on the way to it, and after its
  // restart it is back within a second, which gRPC's own backoff of up to two minutes would not
  // notice.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 1000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  // One connection per Client, as promised: otherwise equal channels share one.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  if (options.tls && !options.tls->server_name.empty()) {
    arguments.SetSslTargetNameOverride(options.tls->server_name);
  }
  return grpc::CreateCustomChannel(address, CredentialsOf(options), arguments);
}

}  // namespace mcpbridge::client

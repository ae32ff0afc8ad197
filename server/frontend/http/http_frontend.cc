#include "server/frontend/http/http_frontend.h"

#include <unistd.h>

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <utility>

#include "server/base/log.h"
#include "server/frontend/listen.h"

namespace mcpbridge {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

// When no descriptor is left, accepting again at once would only spin.
constexpr std::chrono::milliseconds kAcceptRetry{100};
// How often idle sessions are looked for.
constexpr std::chrono::seconds kSweepInterval{30};

// `address` has been prepared: it can be listened on.
asio::generic::stream_protocol::endpoint EndpointOf(const ListenAddress& address) {
  if (address.is_unix()) return asio::local::stream_protocol::endpoint(address.unix_path);
  return asio::ip::tcp::endpoint(asio::ip::make_address(address.host), address.port);
}

}  // namespace

HttpFrontend::HttpFrontend(ToolService& service, ClientSessions& sessions, Executor& executor)
    : service_(service),
      sessions_(sessions),
      executor_(executor),
      config_(service.config().bridge),
      endpoint_(service, sessions, executor),
      connections_(static_cast<std::size_t>(executor.lane_count())),
      acceptor_(executor.lane(0).io().get_executor()),
      retry_(executor.lane(0).io()),
      sweep_(executor.lane(0).io()) {}

HttpFrontend::~HttpFrontend() {
  if (config_.http_listen.is_unix() && !address_.empty())
    unlink(config_.http_listen.unix_path.c_str());
}

Result<std::string> HttpFrontend::Start() {
  const ListenAddress address = Resolved(config_.http_listen);
  if (auto error = Listen(address)) {
    return CannotListen("HTTP", "http_listen", address, error->message);
  }
  executor_.lane(0).Post([this] {
    Accept();
    SweepSessions();
  });
  return address_;
}

std::optional<Error> HttpFrontend::Listen(const ListenAddress& address) {
  if (auto obstacle = PrepareToListen(address)) return obstacle;
  const auto endpoint = EndpointOf(address);
  error_code error;
  acceptor_.open(endpoint.protocol(), error);
  if (!error && !address.is_unix()) {
    acceptor_.set_option(asio::socket_base::reuse_address(true), error);
  }
  if (!error) {
    std::optional<PrivateFiles> private_files;
    if (address.is_unix()) private_files.emplace();
    acceptor_.bind(endpoint, error);
  }
  if (!error) acceptor_.listen(4096, error);
  if (error) return Error{.reason = Reason::kInternal, .message = error.message()};
  ListenAddress real = address;
  if (!real.is_unix()) {
    asio::ip::tcp::endpoint bound;
    const auto local = acceptor_.local_endpoint();
    std::memcpy(bound.data(), local.data(), local.size());
    real.port = bound.port();
  }
  address_ = real.ToString();
  return std::nullopt;
}

void HttpFrontend::SweepSessions() {
  sessions_.Sweep();
  service_.asking_sessions().Sweep();
  sweep_.expires_after(
      std::min<std::chrono::milliseconds>(kSweepInterval, service_.config().bridge.session_idle));
  sweep_.async_wait([this](error_code aborted) {
    if (!aborted) SweepSessions();
  });
}

void HttpFrontend::Accept() {
  Lane& lane = executor_.lane(next_lane_);
  next_lane_ = (next_lane_ + 1) % executor_.lane_count();
  acceptor_.async_accept(lane.io(),
                         [this, &lane](error_code error, HttpServerConnection::Socket socket) {
                           if (!acceptor_.is_open() || error == asio::error::operation_aborted)
                             return;
                           if (error) {
                             spdlog::warn("http: can't accept a connection: {}", error.message());
                             retry_.expires_after(kAcceptRetry);
                             retry_.async_wait([this](error_code aborted) {
                               if (!aborted) Accept();
                             });
                             return;
                           }
                           Take(lane, std::move(socket));
                           Accept();
                         });
}

void HttpFrontend::Take(Lane& lane, HttpServerConnection::Socket socket) {
  if (open_->fetch_add(1) >= config_.limits.http_connections) {
    open_->fetch_sub(1);
    const Error error{.reason = Reason::kOverloaded,
                      .message = "too many connections",
                      .metadata = {{"limit", "bridge.limits.http_connections"}},
                      .retry_after = std::chrono::seconds(1)};
    const std::string refusal = HttpResponse::FromError("", error).Serialize(/*close=*/true);
    error_code ignored;
    socket.native_non_blocking(true, ignored);
    socket.write_some(asio::buffer(refusal), ignored);
    return;
  }
  std::shared_ptr<void> slot(open_.get(), [open = open_](void*) { open->fetch_sub(1); });
  if (!config_.http_listen.is_unix()) {
    error_code ignored;
    socket.set_option(asio::ip::tcp::no_delay(true), ignored);
  }
  lane.Post([this, &lane, socket = std::move(socket), slot = std::move(slot)]() mutable {
    if (Of(lane).draining) return;
    std::make_shared<HttpServerConnection>(lane, std::move(socket), Of(lane), endpoint_,
                                           config_.limits, std::move(slot))
        ->Start();
  });
}

void HttpFrontend::StopAccepting() {
  executor_.lane(0).Post([this] {
    error_code ignored;
    acceptor_.close(ignored);
    retry_.cancel();
    sweep_.cancel();
  });
  for (int i = 0; i < executor_.lane_count(); ++i) {
    Lane& lane = executor_.lane(i);
    lane.Post([this, &lane] {
      HttpConnections& connections = Of(lane);
      connections.draining = true;
      const auto all = connections.all;  // Drain() may take one out
      for (HttpServerConnection* connection : all) connection->Drain();
    });
  }
}

void HttpFrontend::Close() {
  std::mutex mutex;
  std::condition_variable closed;
  int left = executor_.lane_count();
  for (int i = 0; i < executor_.lane_count(); ++i) {
    Lane& lane = executor_.lane(i);
    lane.Post([&, this] {
      const auto all = Of(lane).all;
      for (HttpServerConnection* connection : all) connection->Abort();
      endpoint_.EndLoneCalls(lane);
      const std::lock_guard lock(mutex);
      if (--left == 0) closed.notify_one();
    });
  }
  std::unique_lock lock(mutex);
  closed.wait(lock, [&] { return left == 0; });
}

}  // namespace mcpbridge

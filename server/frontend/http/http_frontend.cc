#include "server/frontend/http/http_frontend.h"

#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <condition_variable>
#include <mutex>
#include <utility>

#include "server/base/log.h"

namespace mcpbridge {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

// When no descriptor is left, accepting again at once would only spin.
constexpr std::chrono::milliseconds kAcceptRetry{100};

// Someone else's socket file is left alone; one that nobody listens on any more is removed.
void RemoveStaleSocket(const std::string& path) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0 || !S_ISSOCK(info.st_mode)) return;
  asio::io_context io;
  asio::local::stream_protocol::socket probe(io);
  error_code error;
  probe.connect(asio::local::stream_protocol::endpoint(path), error);
  if (error == asio::error::connection_refused) unlink(path.c_str());
}

// (No Result: a generic endpoint takes anything for one, errors included.)
std::optional<Error> EndpointOf(const ListenAddress& address,
                                asio::generic::stream_protocol::endpoint& endpoint) {
  if (address.is_unix()) {
    if (address.unix_path.size() >= sizeof(sockaddr_un::sun_path)) {
      return Error{.reason = Reason::kInvalidRequest,
                   .message = "the path of the socket is too long"};
    }
    endpoint = asio::local::stream_protocol::endpoint(address.unix_path);
    return std::nullopt;
  }
  error_code error;
  const asio::ip::address ip =
      asio::ip::make_address(address.host == "localhost" ? "127.0.0.1" : address.host, error);
  if (error) {
    return Error{.reason = Reason::kInvalidRequest, .message = "not an IP address or localhost"};
  }
  endpoint = asio::ip::tcp::endpoint(ip, address.port);
  return std::nullopt;
}

}  // namespace

HttpFrontend::HttpFrontend(ToolService& service, Executor& executor)
    : service_(service),
      executor_(executor),
      config_(service.config().bridge),
      endpoint_(service, executor),
      connections_(static_cast<std::size_t>(executor.lane_count())),
      acceptor_(executor.lane(0).io().get_executor()),
      retry_(executor.lane(0).io()) {}

HttpFrontend::~HttpFrontend() {
  if (config_.http_listen.is_unix() && !address_.empty())
    unlink(config_.http_listen.unix_path.c_str());
}

Result<std::string> HttpFrontend::Start() {
  if (auto error = Listen()) {
    error->message = "can't listen for HTTP on " + config_.http_listen.ToString() + ": " +
                     error->message + " (bridge.http_listen, --http_listen)";
    return *std::move(error);
  }
  executor_.lane(0).Post([this] { Accept(); });
  return address_;
}

std::optional<Error> HttpFrontend::Listen() {
  asio::generic::stream_protocol::endpoint endpoint;
  if (auto unusable = EndpointOf(config_.http_listen, endpoint)) return unusable;
  if (config_.http_listen.is_unix()) RemoveStaleSocket(config_.http_listen.unix_path);
  error_code error;
  acceptor_.open(endpoint.protocol(), error);
  if (!error && !config_.http_listen.is_unix()) {
    acceptor_.set_option(asio::socket_base::reuse_address(true), error);
  }
  if (!error) acceptor_.bind(endpoint, error);
  if (!error) acceptor_.listen(4096, error);
  if (error) return Error{.reason = Reason::kInternal, .message = error.message()};
  ListenAddress real = config_.http_listen;
  if (!real.is_unix()) {
    asio::ip::tcp::endpoint bound;
    const auto local = acceptor_.local_endpoint();
    std::memcpy(bound.data(), local.data(), local.size());
    real.port = bound.port();
  } else {
    chmod(real.unix_path.c_str(), S_IRUSR | S_IWUSR);
  }
  address_ = real.ToString();
  return std::nullopt;
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
      const std::lock_guard lock(mutex);
      if (--left == 0) closed.notify_one();
    });
  }
  std::unique_lock lock(mutex);
  closed.wait(lock, [&] { return left == 0; });
}

}  // namespace mcpbridge

#include "server/frontend/http/http_acceptor.h"

#include <unistd.h>

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <condition_variable>
#include <cstring>
#include <future>
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

// `address` has been prepared: it can be listened on.
asio::generic::stream_protocol::endpoint EndpointOf(const ListenAddress& address) {
  if (address.is_unix()) return asio::local::stream_protocol::endpoint(address.unix_path);
  return asio::ip::tcp::endpoint(asio::ip::make_address(address.host), address.port);
}

}  // namespace

HttpAcceptor::HttpAcceptor(Options options, const BridgeConfig::Limits& limits,
                           HttpHandler& handler, Executor& executor)
    : options_(std::move(options)),
      limits_(limits),
      handler_(handler),
      executor_(executor),
      connections_(static_cast<std::size_t>(executor.lane_count())),
      acceptor_(executor.lane(0).io().get_executor()),
      retry_(executor.lane(0).io()) {}

HttpAcceptor::~HttpAcceptor() {
  if (options_.address.is_unix() && !address_.empty()) unlink(options_.address.unix_path.c_str());
}

Result<std::string> HttpAcceptor::Start() {
  const ListenAddress address = Resolved(options_.address);
  std::promise<std::optional<Error>> listening;
  executor_.lane(0).Post([&] { listening.set_value(Listen(address)); });
  if (const auto error = listening.get_future().get()) {
    return CannotListen(options_.front, options_.setting, address, error->message);
  }
  executor_.lane(0).Post([this] { Accept(); });
  return address_;
}

std::optional<Error> HttpAcceptor::Listen(const ListenAddress& address) {
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

// A connection that belongs to no lane yet.
class HttpAcceptor::Accepted {
 public:
  using Socket = HttpServerConnection::Socket;

  explicit Accepted(Socket socket) {
    error_code ignored;
    family_ = socket.local_endpoint(ignored).protocol().family();
    fd_ = socket.release(ignored);
  }
  Accepted(Accepted&& other) noexcept : family_(other.family_), fd_(std::exchange(other.fd_, -1)) {}
  Accepted& operator=(Accepted&&) = delete;
  ~Accepted() {
    if (fd_ >= 0) ::close(fd_);
  }

  // Once, on `lane`.
  Socket On(Lane& lane) {
    Socket socket(lane.io());
    error_code error;
    socket.assign(Socket::protocol_type(family_, 0), fd_, error);
    if (!error) fd_ = -1;
    return socket;
  }

 private:
  int family_ = 0;
  int fd_ = -1;
};

void HttpAcceptor::Accept() {
  acceptor_.async_accept([this](error_code error, HttpServerConnection::Socket socket) {
    if (!acceptor_.is_open() || error == asio::error::operation_aborted) return;
    if (error) {
      spdlog::warn("http: can't accept a connection: {}", error.message());
      retry_.expires_after(kAcceptRetry);
      retry_.async_wait([this](error_code aborted) {
        if (!aborted) Accept();
      });
      return;
    }
    Lane& lane = executor_.lane(next_lane_);
    next_lane_ = (next_lane_ + 1) % executor_.lane_count();
    Take(lane, std::move(socket));
    Accept();
  });
}

void HttpAcceptor::Take(Lane& lane, HttpServerConnection::Socket socket) {
  if (open_->fetch_add(1) >= options_.most_connections) {
    open_->fetch_sub(1);
    const Error error{.reason = Reason::kOverloaded,
                      .message = "too many connections",
                      .metadata = {{"limit", options_.limit_name}},
                      .retry_after = std::chrono::seconds(1)};
    handler_.OnRefused(error.reason);
    const HttpResponse response = HttpResponse::FromError("", error);
    const std::string refusal = response.Head(/*close=*/true) + response.body;
    error_code ignored;
    socket.native_non_blocking(true, ignored);
    socket.write_some(asio::buffer(refusal), ignored);
    return;
  }
  std::shared_ptr<void> slot(open_.get(), [open = open_](void*) { open->fetch_sub(1); });
  if (!options_.address.is_unix()) {
    error_code ignored;
    socket.set_option(asio::ip::tcp::no_delay(true), ignored);
  }
  // A lane's sockets are made on it (runtime/lane.h): only the descriptor goes there.
  lane.Post(
      [this, &lane, accepted = Accepted(std::move(socket)), slot = std::move(slot)]() mutable {
        if (Of(lane).draining) return;
        std::make_shared<HttpServerConnection>(lane, accepted.On(lane), Of(lane), handler_, limits_,
                                               std::move(slot))
            ->Start();
      });
}

void HttpAcceptor::StopAccepting() {
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

void HttpAcceptor::Close(const std::function<void(Lane&)>& also) {
  StopAccepting();
  std::mutex mutex;
  std::condition_variable closed;
  int left = executor_.lane_count();
  for (int i = 0; i < executor_.lane_count(); ++i) {
    Lane& lane = executor_.lane(i);
    lane.Post([&, this] {
      const auto all = Of(lane).all;
      for (HttpServerConnection* connection : all) connection->Abort();
      also(lane);
      const std::lock_guard lock(mutex);
      if (--left == 0) closed.notify_one();
    });
  }
  std::unique_lock lock(mutex);
  closed.wait(lock, [&] { return left == 0; });
}

}  // namespace mcpbridge

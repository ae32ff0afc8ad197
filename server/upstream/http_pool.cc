#include "server/upstream/http_pool.h"

#include <algorithm>
#include <string>
#include <utility>

namespace mcpbridge {
namespace {

// From a connection's last response to its close by us. Uvicorn and Node close after 5 s: whoever
// is first avoids the race in which a request meets a close and nobody knows whether it was
// executed.
constexpr std::chrono::seconds kIdleTime{4};

}  // namespace

HttpPool::HttpPool(Lane& lane, Lane& blocking_lane, const HttpUrl& url,
                   boost::asio::ssl::context* tls, Limits limits)
    : lane_(lane), blocking_lane_(blocking_lane), url_(url), tls_(tls), limits_(limits) {}

Result<std::shared_ptr<HttpConnection>> HttpPool::Acquire() {
  if (!idle_.empty()) {
    std::shared_ptr<HttpConnection> connection = std::move(idle_.back());
    idle_.pop_back();
    return connection;
  }
  if (open_ >= limits_.connections) {
    return Error{.reason = Reason::kOverloaded,
                 .message = "all " + std::to_string(limits_.connections) + " connections to " +
                            url_.Authority() + " are in use",
                 .metadata = {{"limit", "bridge.limits.upstream_connections"}}};
  }
  ++open_;
  return std::make_shared<HttpConnection>(
      lane_, blocking_lane_, url_, tls_, limits_.response_bytes,
      [self = shared_from_this()](std::shared_ptr<HttpConnection> connection, bool alive) {
        self->TakeBack(std::move(connection), alive);
      });
}

std::shared_ptr<HttpConnection> HttpPool::ForStream() {
  return std::make_shared<HttpConnection>(
      lane_, blocking_lane_, url_, tls_, limits_.response_bytes,
      [self = shared_from_this()](const std::shared_ptr<HttpConnection>& connection, bool alive) {
        if (alive) connection->Abort();
      });
}

void HttpPool::TakeBack(std::shared_ptr<HttpConnection> connection, bool alive) {
  if (alive && closed_) {  // it comes back here, closed
    connection->Abort();
    return;
  }
  if (alive) {
    connection->SetIdle(Deadline::After(kIdleTime));
    idle_.push_back(std::move(connection));
    return;
  }
  --open_;
  std::erase(idle_, connection);
}

std::string HttpPool::NextId() {
  // Lanes count apart: the low byte is the lane.
  return std::to_string((++next_id_ << 8) | static_cast<std::uint64_t>(lane_.index()));
}

void HttpPool::CloseIdle() {
  closed_ = true;
  for (const auto& connection : std::exchange(idle_, {})) connection->Abort();
}

}  // namespace mcpbridge

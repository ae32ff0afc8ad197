#include "server/upstream/http_server.h"

#include <atomic>
#include <utility>

namespace mcpbridge {

HttpServer::HttpServer(const std::string& url, Executor& executor, TlsTrust& trust,
                       HttpPool::Limits limits)
    : url_(ParseHttpUrl(url).value()), executor_(executor) {
  for (int i = 0; i < executor.lane_count(); ++i) {
    pools_.push_back(std::make_shared<HttpPool>(executor.lane(i), executor.blocking_lane(), url_,
                                                url_.tls ? &trust.context() : nullptr, limits));
  }
}

// A connection holds its pool, and is held there while it is idle.
HttpServer::~HttpServer() {
  if (closed_) return;
  for (const auto& pool : pools_) pool->CloseIdle();
}

void HttpServer::CloseIdle(std::function<void()> done) {
  closed_ = true;
  auto left = std::make_shared<std::atomic<std::size_t>>(pools_.size());
  auto shared_done = std::make_shared<std::function<void()>>(std::move(done));
  for (int i = 0; i < executor_.lane_count(); ++i) {
    Lane& lane = executor_.lane(i);
    lane.Post([this, &lane, left, shared_done] {
      pool(lane).CloseIdle();
      if (left->fetch_sub(1) == 1) (*shared_done)();
    });
  }
}

}  // namespace mcpbridge

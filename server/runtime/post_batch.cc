#include "server/runtime/post_batch.h"

#include <utility>

#include "server/runtime/lane.h"

namespace mcpbridge {

thread_local PostBatch* PostBatch::current_ = nullptr;

void PostBatch::Keep(Lane& lane, std::function<void()> f) {
  for (Box& box : boxes_) {
    if (box.lane != &lane) continue;
    box.posted.push_back(std::move(f));
    return;
  }
  boxes_.push_back({.lane = &lane, .posted = {}});
  boxes_.back().posted.push_back(std::move(f));
}

void PostBatch::Flush() {
  for (Box& box : boxes_) {
    if (box.posted.empty()) continue;
    boost::asio::post(box.lane->io(), [posted = std::exchange(box.posted, {})]() mutable {
      for (auto& f : posted) f();
    });
  }
}

}  // namespace mcpbridge

#include "server/frontend/grpc/event_queue.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace mcpbridge {

void EventQueue::Push(v1::CallToolStreamResponse event) {
  const std::size_t bytes = event.SpaceUsedLong();
  const bool fits = items_.empty() || bytes_ + bytes <= kMaxBytes ||
                    (event.has_progress() && MakeRoomForProgress(bytes));
  if (!fits) {
    ++dropped_;
    return;
  }
  bytes_ += bytes;
  items_.push_back({.event = std::move(event), .bytes = bytes, .dropped = TakeDropped()});
}

// Takes the last progress out, if that is enough.
bool EventQueue::MakeRoomForProgress(std::size_t bytes) {
  const auto last = std::find_if(items_.rbegin(), items_.rend(),
                                 [](const Item& item) { return item.event.has_progress(); });
  if (last == items_.rend() || bytes_ - last->bytes + bytes > kMaxBytes) return false;
  const auto old = std::prev(last.base());
  const auto next = std::next(old);
  (next == items_.end() ? dropped_ : next->dropped) += old->dropped + 1;
  bytes_ -= old->bytes;
  items_.erase(old);
  return true;
}

v1::CallToolStreamResponse EventQueue::Pop() {
  Item item = std::move(items_.front());
  items_.pop_front();
  bytes_ -= item.bytes;
  item.event.set_dropped(item.dropped);
  return std::move(item.event);
}

int EventQueue::TakeDropped() { return std::exchange(dropped_, 0); }

}  // namespace mcpbridge

#include "server/runtime/gate.h"

namespace mcpbridge {

Gate::Entry Gate::Enter() {
  const std::uint64_t before = state_.fetch_add(1, std::memory_order_acq_rel);
  if ((before & kClosedBit) != 0) {
    Leave();
    return Entry::kClosed;
  }
  if (before >= limit_.load(std::memory_order_relaxed)) {
    Leave();
    return Entry::kFull;
  }
  return Entry::kEntered;
}

void Gate::Leave() {
  if (state_.fetch_sub(1, std::memory_order_acq_rel) == (kClosedBit | 1)) {
    const std::lock_guard lock(mutex_);
    empty_.notify_all();
  }
}

void Gate::Close() { state_.fetch_or(kClosedBit, std::memory_order_acq_rel); }

bool Gate::WaitUntilEmpty(Deadline deadline) {
  std::unique_lock lock(mutex_);
  const auto is_empty = [this] { return count() == 0; };
  if (deadline.never()) {
    empty_.wait(lock, is_empty);
    return true;
  }
  return empty_.wait_until(lock, deadline.at(), is_empty);
}

}  // namespace mcpbridge

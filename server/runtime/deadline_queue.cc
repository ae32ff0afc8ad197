#include "server/runtime/deadline_queue.h"

#include <boost/system/error_code.hpp>

namespace mcpbridge {

void DeadlineEntry::Disarm() {
  if (queue_ != nullptr) queue_->Remove(index_);
}

DeadlineQueue::~DeadlineQueue() {
  for (const Item& item : heap_) item.entry->queue_ = nullptr;
}

void DeadlineQueue::Arm(DeadlineEntry& entry, Deadline deadline) {
  if (deadline.never()) return;
  entry.queue_ = this;
  heap_.push_back({.deadline = deadline, .entry = &entry});
  entry.index_ = heap_.size() - 1;
  SiftUp(entry.index_);
  if (deadline < timer_at_) SetTimer();
}

void DeadlineQueue::Remove(std::size_t index) {
  DeadlineEntry* const entry = heap_[index].entry;
  entry->queue_ = nullptr;
  const Item last = heap_.back();
  heap_.pop_back();
  if (last.entry == entry) return;
  Place(last, index);
  SiftUp(index);
  SiftDown(last.entry->index_);
  // The timer stays: going off early costs one wake-up, moving it costs one for every call.
}

void DeadlineQueue::Place(const Item& item, std::size_t index) {
  heap_[index] = item;
  item.entry->index_ = index;
}

void DeadlineQueue::SiftUp(std::size_t index) {
  const Item item = heap_[index];
  while (index > 0) {
    const std::size_t parent = (index - 1) / 2;
    if (!(item.deadline < heap_[parent].deadline)) break;
    Place(heap_[parent], index);
    index = parent;
  }
  Place(item, index);
}

void DeadlineQueue::SiftDown(std::size_t index) {
  const Item item = heap_[index];
  for (;;) {
    std::size_t child = 2 * index + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && heap_[child + 1].deadline < heap_[child].deadline) ++child;
    if (!(heap_[child].deadline < item.deadline)) break;
    Place(heap_[child], index);
    index = child;
  }
  Place(item, index);
}

void DeadlineQueue::SetTimer() {
  timer_at_ = heap_.empty() ? Deadline::Never() : heap_.front().deadline;
  if (timer_at_.never()) return;
  timer_.expires_at(timer_at_.at());  // cancels the wait before it
  timer_.async_wait([this](boost::system::error_code error) {
    if (!error) Fire();
  });
}

void DeadlineQueue::Fire() {
  while (!heap_.empty() && heap_.front().deadline.expired()) {
    DeadlineEntry* const due = heap_.front().entry;
    Remove(0);
    due->OnDeadline();
  }
  SetTimer();
}

}  // namespace mcpbridge

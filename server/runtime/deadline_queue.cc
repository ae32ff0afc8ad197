#include "server/runtime/deadline_queue.h"

#include <boost/system/error_code.hpp>

namespace mcpbridge {

void DeadlineEntry::Disarm() {
  if (queue_ != nullptr) queue_->Remove(index_);
}

DeadlineQueue::~DeadlineQueue() {
  for (DeadlineEntry* entry : heap_) entry->queue_ = nullptr;
}

void DeadlineQueue::Arm(DeadlineEntry& entry, Deadline deadline) {
  if (deadline.never()) return;
  entry.queue_ = this;
  entry.deadline_ = deadline;
  heap_.push_back(&entry);
  entry.index_ = heap_.size() - 1;
  SiftUp(entry.index_);
  if (deadline < timer_at_) SetTimer();
}

void DeadlineQueue::Remove(std::size_t index) {
  DeadlineEntry* entry = heap_[index];
  entry->queue_ = nullptr;
  DeadlineEntry* last = heap_.back();
  heap_.pop_back();
  if (last == entry) return;
  Place(last, index);
  SiftUp(index);
  SiftDown(last->index_);
  // The timer stays: going off early costs one wake-up, moving it costs one for every call.
}

void DeadlineQueue::Place(DeadlineEntry* entry, std::size_t index) {
  heap_[index] = entry;
  entry->index_ = index;
}

void DeadlineQueue::SiftUp(std::size_t index) {
  DeadlineEntry* entry = heap_[index];
  while (index > 0) {
    const std::size_t parent = (index - 1) / 2;
    if (!(entry->deadline_ < heap_[parent]->deadline_)) break;
    Place(heap_[parent], index);
    index = parent;
  }
  Place(entry, index);
}

void DeadlineQueue::SiftDown(std::size_t index) {
  DeadlineEntry* entry = heap_[index];
  for (;;) {
    std::size_t child = 2 * index + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && heap_[child + 1]->deadline_ < heap_[child]->deadline_) ++child;
    if (!(heap_[child]->deadline_ < entry->deadline_)) break;
    Place(heap_[child], index);
    index = child;
  }
  Place(entry, index);
}

void DeadlineQueue::SetTimer() {
  timer_at_ = heap_.empty() ? Deadline::Never() : heap_.front()->deadline_;
  if (timer_at_.never()) return;
  timer_.expires_at(timer_at_.at());  // cancels the wait before it
  timer_.async_wait([this](boost::system::error_code error) {
    if (!error) Fire();
  });
}

void DeadlineQueue::Fire() {
  while (!heap_.empty() && heap_.front()->deadline_.expired()) {
    DeadlineEntry* due = heap_.front();
    Remove(0);
    due->OnDeadline();
  }
  SetTimer();
}

}  // namespace mcpbridge

#pragma once

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <vector>

#include "server/base/deadline.h"

namespace mcpbridge {

class DeadlineQueue;

// Something that ends by a deadline: derive, arm, and OnDeadline() runs on the lane when it is
// reached. Destroying or disarming it is enough to be left alone: no handler runs afterwards.
// Lane-only.
class DeadlineEntry {
 public:
  DeadlineEntry() = default;
  DeadlineEntry(const DeadlineEntry&) = delete;
  DeadlineEntry& operator=(const DeadlineEntry&) = delete;

  bool armed() const { return queue_ != nullptr; }

  // Does nothing if not armed.
  void Disarm();

 protected:
  virtual ~DeadlineEntry() { Disarm(); }

  // The deadline has been reached; the entry is no longer armed, and may be destroyed in here.
  virtual void OnDeadline() = 0;

 private:
  friend class DeadlineQueue;
  DeadlineQueue* queue_ = nullptr;
  std::size_t index_ = 0;  // in queue_->heap_
};

// A lane's deadlines: a binary heap behind a single timer, so that a call which ends in time costs
// no timer operation at all. Lane-only.
class DeadlineQueue {
 public:
  explicit DeadlineQueue(boost::asio::io_context& io) : timer_(io) {}
  DeadlineQueue(const DeadlineQueue&) = delete;
  DeadlineQueue& operator=(const DeadlineQueue&) = delete;
  ~DeadlineQueue();

  // Arms `entry`, which must not be armed. A deadline that never comes arms nothing.
  void Arm(DeadlineEntry& entry, Deadline deadline);

  std::size_t size() const { return heap_.size(); }

 private:
  friend class DeadlineEntry;
  using Timer =
      boost::asio::basic_waitable_timer<Deadline::Clock, boost::asio::wait_traits<Deadline::Clock>,
                                        boost::asio::io_context::executor_type>;

  // With the deadline at hand: looking at one costs no visit to the entry, which is elsewhere.
  struct Item {
    Deadline deadline;
    DeadlineEntry* entry;
  };

  void Remove(std::size_t index);
  void Place(const Item& item, std::size_t index);
  void SiftUp(std::size_t index);
  void SiftDown(std::size_t index);
  void SetTimer();
  void Fire();

  Timer timer_;
  Deadline timer_at_;  // when timer_ is set to go off; never: it isn't set
  std::vector<Item> heap_;
};

}  // namespace mcpbridge

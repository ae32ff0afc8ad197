#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <thread>
#include <utility>

#include "server/runtime/deadline_queue.h"
#include "server/runtime/post_batch.h"

namespace mcpbridge {

// One thread with its own io_context: its own strand. What belongs to a lane is touched on that
// lane only, and needs no lock: its sockets too are made, used and closed there. Owned by the
// Executor.
class Lane {
 public:
  using ExecutorType = boost::asio::io_context::executor_type;

  // Asio needs no locks around sockets that one thread uses; what is posted from others is locked.
  explicit Lane(int index)
      : index_(index), io_(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO), deadlines_(io_) {}
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  // From 0 to Executor::lane_count() - 1; -1: the blocking lane.
  int index() const { return index_; }
  boost::asio::io_context& io() { return io_; }

  // Runs `f` on this lane, later: behind all that is ready to run there. Thread-safe. Dropped,
  // unrun, if the lane has stopped.
  template <class F>
  void Post(F&& f) {
    if (PostBatch* const batch = PostBatch::Current()) {
      batch->Add(*this, std::forward<F>(f));
    } else {
      boost::asio::post(io_, std::forward<F>(f));
    }
  }

  // Runs `f` now if this is the lane, otherwise later on it. Thread-safe.
  template <class F>
  void Dispatch(F&& f) {
    if (OnThisThread()) {
      f();
    } else {
      Post(std::forward<F>(f));
    }
  }

  bool OnThisThread() const { return current_ == this; }
  // The lane whose thread this is; null: it is none's.
  static Lane* Current() { return current_; }

  // The deadlines of what is under way here. On this lane only.
  DeadlineQueue& deadlines() { return deadlines_; }

  // When something was last given to WriteSoon() here. On this lane only.
  Deadline::Clock::time_point& last_write() { return last_write_; }

 private:
  friend class Executor;
  static thread_local Lane* current_;

  const int index_;
  boost::asio::io_context io_;
  DeadlineQueue deadlines_;
  Deadline::Clock::time_point last_write_;
  std::thread thread_;
};

}  // namespace mcpbridge

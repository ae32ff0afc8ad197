#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>

#include "server/base/deadline.h"

namespace mcpbridge {

// Counts what is under way, up to a limit; once closed it lets nothing in and can be waited for.
// Thread-safe. No lock on Enter, and none on Leave until the gate is closed.
class Gate {
 public:
  enum class Entry { kEntered, kFull, kClosed };

  explicit Gate(std::uint64_t limit) : limit_(limit) {}

  // Holds from the next Enter() on.
  void SetLimit(std::uint64_t limit) { limit_.store(limit, std::memory_order_relaxed); }

  // kEntered: the caller owes one Leave().
  Entry Enter();
  void Leave();

  // From now on Enter() says kClosed.
  void Close();

  // Blocks until nothing is under way (true) or `deadline` has passed (false). Only after Close().
  bool WaitUntilEmpty(Deadline deadline);

  std::uint64_t count() const { return state_.load(std::memory_order_relaxed) & ~kClosedBit; }

 private:
  static constexpr std::uint64_t kClosedBit = std::uint64_t{1} << 63;

  std::atomic<std::uint64_t> limit_;
  std::atomic<std::uint64_t> state_{0};  // the count, and kClosedBit
  std::mutex mutex_;
  std::condition_variable empty_;
};

}  // namespace mcpbridge

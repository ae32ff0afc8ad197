#pragma once

#include <algorithm>
#include <chrono>

namespace mcpbridge {

// A point on the steady clock by which something must have ended. A value: copy it freely. A step
// of a call inherits its deadline and never restarts it.
class Deadline {
 public:
  using Clock = std::chrono::steady_clock;

  // Never expires.
  constexpr Deadline() = default;
  constexpr explicit Deadline(Clock::time_point at) : at_(at) {}

  static constexpr Deadline Never() { return Deadline(); }

  // `timeout` from now; saturates to Never() instead of overflowing.
  static Deadline After(Clock::duration timeout) {
    const Clock::time_point now = Clock::now();
    return timeout >= Clock::time_point::max() - now ? Never() : Deadline(now + timeout);
  }

  constexpr bool never() const { return at_ == Clock::time_point::max(); }
  constexpr Clock::time_point at() const { return at_; }
  bool expired() const { return !never() && Clock::now() >= at_; }

  // What is left, never negative.
  Clock::duration remaining() const {
    if (never()) return Clock::duration::max();
    return std::max(Clock::duration::zero(), at_ - Clock::now());
  }

  friend constexpr auto operator<=>(Deadline, Deadline) = default;

 private:
  Clock::time_point at_ = Clock::time_point::max();
};

// The earlier of two deadlines.
constexpr Deadline Min(Deadline a, Deadline b) { return a < b ? a : b; }

}  // namespace mcpbridge

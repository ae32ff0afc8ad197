#pragma once

#include <algorithm>
#include <chrono>
#include <random>

namespace mcpbridge {

// Waits between attempts: doubling from 100 ms to 10 s, each shortened by up to a fifth at random
// so that many bridges don't knock in step. Not thread-safe.
class Backoff {
 public:
  std::chrono::milliseconds Next() {
    const std::chrono::milliseconds wait = next_;
    next_ = std::min(next_ * 2, kMax);
    std::uniform_int_distribution<long> jitter(0, wait.count() / 5);
    return wait - std::chrono::milliseconds(jitter(random_));
  }
  void Reset() { next_ = kInitial; }

 private:
  static constexpr std::chrono::milliseconds kInitial{100};
  static constexpr std::chrono::milliseconds kMax{10'000};
  std::chrono::milliseconds next_ = kInitial;
  std::minstd_rand random_{std::random_device{}()};
};

}  // namespace mcpbridge

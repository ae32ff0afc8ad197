#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace mcpbridge {

// How long things took, counted by ranges. One thread at a time; a value, 160 bytes.
class Histogram {
 public:
  using Time = std::chrono::nanoseconds;

  // The upper ends of the ranges, each included; what took longer is in one more. From what the
  // bridge itself takes to the default of a server's `timeout`.
  static constexpr std::array<Time, 18> kBounds{
      Time(100'000),        Time(250'000),        Time(500'000),       Time(1'000'000),
      Time(2'500'000),      Time(5'000'000),      Time(10'000'000),    Time(25'000'000),
      Time(50'000'000),     Time(100'000'000),    Time(250'000'000),   Time(500'000'000),
      Time(1'000'000'000),  Time(2'500'000'000),  Time(5'000'000'000), Time(10'000'000'000),
      Time(30'000'000'000), Time(60'000'000'000),
  };

  void Add(Time time) {
    const auto at = std::lower_bound(kBounds.begin(), kBounds.end(), time);
    ++counts_[static_cast<std::size_t>(at - kBounds.begin())];
    sum_ += time;
  }

  void Add(const Histogram& other) {
    for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
    sum_ += other.sum_;
  }

  // By range, each for itself.
  const std::array<std::uint64_t, kBounds.size() + 1>& counts() const { return counts_; }
  Time sum() const { return sum_; }

 private:
  std::array<std::uint64_t, kBounds.size() + 1> counts_{};
  Time sum_{0};
};

}  // namespace mcpbridge

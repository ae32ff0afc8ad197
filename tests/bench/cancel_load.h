#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <random>
#include <string>

namespace mcpbridge::bench {

using Clock = std::chrono::steady_clock;

struct CancelOptions {
  std::string target;  // IP:PORT
  std::string path;    // http
  std::string tool;    // a `sleep`
  int callers = 64;
  Clock::time_point end;  // no call is begun afterwards
};

// When which call was cancelled. A call is known by how long it asks its tool to sleep, which no
// two do. One thread.
class Cancelled {
 public:
  std::int64_t NextSleep() { return next_sleep_++; }
  // How long a caller waits before it cancels: long enough for the call to have reached its server.
  std::chrono::milliseconds Patience() {
    return std::chrono::milliseconds(std::uniform_int_distribution<int>(20, 60)(random_));
  }
  void Note(std::int64_t sleep) { at_[sleep] = Clock::now(); }
  const std::map<std::int64_t, Clock::time_point>& at() const { return at_; }
  // Calls that ended otherwise.
  int failures = 0;

 private:
  std::int64_t next_sleep_ = 10'000'000;
  std::mt19937 random_{1};
  std::map<std::int64_t, Clock::time_point> at_;
};

// Each makes calls, all callers at once, and cancels each of them, until the end.
void CancelOverHttp(const CancelOptions& options, Cancelled& cancelled);
void CancelOverGrpc(const CancelOptions& options, Cancelled& cancelled);

}  // namespace mcpbridge::bench

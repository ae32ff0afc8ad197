#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace mcpbridge::demo {

// What the server has seen since it started, so that a test can hold its peer to it. Thread-safe.
struct Stats {
  using Counter = std::atomic<std::uint64_t>;

  // JSON-RPC messages by method; the last is for any other, and for responses.
  static constexpr std::array<std::string_view, 7> kMethods = {"initialize",
                                                               "notifications/initialized",
                                                               "notifications/cancelled",
                                                               "ping",
                                                               "tools/list",
                                                               "tools/call",
                                                               "other"};
  std::array<Counter, kMethods.size()> requests{};

  Counter cancelled_calls{0};    // running calls that notifications/cancelled stopped
  Counter cancels_unmatched{0};  // notifications/cancelled for no running call
  // Running calls whose caller's connection closed: without a session this stops the call.
  Counter disconnected_calls{0};
  Counter sessions_opened{0};
  Counter sessions_closed{0};  // by DELETE
  Counter connections_opened{0};
  Counter connections_closed{0};
  Counter in_flight{0};  // calls that run; those answered at once don't count
  Counter max_in_flight{0};

  void CountRequest(std::string_view method);
  void CallStarted();
  void CallEnded() { in_flight.fetch_sub(1, std::memory_order_relaxed); }

  // A call that would have taken `time` was stopped from outside.
  void CallStopped(std::chrono::milliseconds time);
  // The last 65,536 of them: {"MILLISECONDS":WHEN,...}, when being nanoseconds of the steady clock.
  std::string StoppedToJson() const;

  // One JSON object; the counters' names are the members', requests is an object by method.
  std::string ToJson() const;

 private:
  static constexpr std::size_t kMaxStopped = 65'536;

  using Stop = std::pair<std::chrono::milliseconds, std::chrono::steady_clock::time_point>;
  mutable std::mutex mutex_;
  std::deque<Stop> stopped_;
};

}  // namespace mcpbridge::demo

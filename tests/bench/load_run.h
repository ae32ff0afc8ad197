#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/bench/cpu_time.h"
#include "tests/bench/work.h"

namespace mcpbridge::bench {

using Clock = std::chrono::steady_clock;

struct LoadOptions {
  std::string host;
  std::uint16_t port = 0;
  std::string path = "/mcp";         // http
  std::vector<std::string> headers;  // http: further ones, "Name: value"
  std::string protocol_version;      // http
  bool sessions = false;             // http: each connection begins with `initialize`
  int connections = 1;  // callers; http: each has a connection of its own, grpc: they share them
  int channels = 1;     // grpc: HTTP/2 connections
  int threads = 1;      // grpc: each with a completion queue and its share of the callers
  double rate = 0;    // calls begun per second, whatever becomes of them; 0: each caller asks again
                      // as soon as it is answered
  bool once = false;  // each caller asks once, all at the same time
  std::chrono::duration<double> warmup{1};
  std::chrono::duration<double> measured{5};
  std::vector<pid_t> gateway;  // whose CPU time is counted
  std::vector<pid_t> others;   // that belong to the measurement otherwise, e.g. the upstream
};

// The clock and the tally of one measurement. Thread-safe between Begin() and Report().
class LoadRun {
 public:
  LoadRun(const LoadOptions& options, const Work& work);

  const Work& work() const { return work_; }

  // All callers are ready: time runs from here on.
  void Begin();

  // Ids are never used twice: all have ten digits.
  std::uint64_t NextId() { return next_id_.fetch_add(1, std::memory_order_relaxed); }

  // With a rate: when the next call that is due by `now` should have begun; it counts as begun.
  // nullopt: none is, or the measurement has ended.
  std::optional<Clock::time_point> TakeDue(Clock::time_point now);
  Clock::time_point next_due() const;

  // A call that began, or with a rate should have begun, at `started` has ended; `ok`: with its own
  // id and text. False: begin no more.
  bool OnCallDone(Clock::time_point started, bool ok);
  // What came instead of a right answer; the first is reported.
  void KeepExample(std::string_view answer);

  // Whether so many callers have been told to begin no more.
  bool done(int callers) const;
  Clock::time_point end() const { return end_; }
  // When a call that is still out has failed.
  Clock::time_point give_up() const { return end_ + std::chrono::seconds(30); }

  // The result, one line of JSON.
  std::string Report(std::string_view mode);

 private:
  static constexpr std::uint64_t kFirstId = 1'000'000'000;

  void MaybeSample(Clock::time_point now);  // under mutex_
  double Percentile(double share);
  std::uint64_t begun() const { return next_id_ - kFirstId; }
  std::uint64_t NeverBegun() const;
  // When the call of this number is due; under mutex_.
  Clock::time_point DueOf(std::uint64_t index) const;

  const LoadOptions& options_;
  const Work& work_;
  Clock::time_point start_;
  Clock::time_point begin_;  // of what is measured
  Clock::time_point end_;
  Clock::time_point last_done_;
  std::atomic<std::uint64_t> next_id_{kFirstId};
  mutable std::mutex mutex_;
  std::uint64_t dues_taken_ = 0;
  std::uint64_t finished_ = 0;
  std::uint64_t errors_ = 0;
  int told_to_end_ = 0;
  std::uint64_t completed_ = 0;  // right, and within what is measured
  std::vector<Clock::duration> latencies_;
  std::string example_;
  bool began_ = false;
  bool ended_ = false;
  CpuSample cpu_begin_;
  CpuSample cpu_end_;
  Clock::time_point sampled_begin_;
  Clock::time_point sampled_end_;
};

// Each runs its event loop until the measurement has ended.
void RunHttpLoad(const LoadOptions& options, LoadRun& run);
void RunGrpcLoad(const LoadOptions& options, LoadRun& run);
// gRPC without a gRPC library: no fixed rate, no deadlines.
void RunH2Load(const LoadOptions& options, LoadRun& run);

}  // namespace mcpbridge::bench

#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tests/bench/cpu_time.h"

namespace mcpbridge::bench {

using Clock = std::chrono::steady_clock;

struct LoadOptions {
  std::string host;
  std::uint16_t port = 0;
  std::string path = "/mcp";  // http
  std::string tool = "echo";
  int connections =
      1;             // http: connections, grpc: calls at once; each asks again when it is answered
  int channels = 1;  // grpc: HTTP/2 connections that the calls share
  std::chrono::duration<double> warmup{1};
  std::chrono::duration<double> measured{5};
  std::vector<pid_t> gateway;  // whose CPU time is counted
  std::vector<pid_t> others;   // that belong to the measurement otherwise, e.g. the upstream
};

// The clock and the tally of one measurement. One thread.
class LoadRun {
 public:
  explicit LoadRun(const LoadOptions& options);

  // Ids, and with them texts, are never used twice: all have ten digits.
  std::uint64_t NextId() { return next_id_++; }

  // A call that began at `started` has ended; `ok`: with its own id and text. False: begin no more.
  bool OnCallDone(Clock::time_point started, bool ok);

  Clock::time_point end() const { return end_; }
  // When a call that is still out has failed.
  Clock::time_point give_up() const { return end_ + std::chrono::seconds(5); }

  // All calls begun, warm-up included.
  std::uint64_t started() const { return next_id_ - kFirstId; }

  // The result, one line of JSON. `upstream_requests`: tools/call that the upstream saw meanwhile;
  // negative: not known.
  std::string Report(std::string_view mode, double upstream_requests);

 private:
  static constexpr std::uint64_t kFirstId = 1'000'000'000;

  void MaybeSample(Clock::time_point now);
  double Percentile(double share);

  const LoadOptions& options_;
  const Clock::time_point begin_;  // of what is measured
  const Clock::time_point end_;
  std::uint64_t next_id_ = kFirstId;
  std::uint64_t finished_ = 0;
  std::uint64_t errors_ = 0;
  std::vector<Clock::duration> latencies_;
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

// `"arguments"` and the text expected back for the call `id`.
std::string TextFor(std::uint64_t id);

}  // namespace mcpbridge::bench

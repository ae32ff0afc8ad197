#include "tests/bench/load_run.h"

#include <algorithm>
#include <cstdio>

namespace mcpbridge::bench {
namespace {

Clock::duration Ticks(std::chrono::duration<double> seconds) {
  return std::chrono::duration_cast<Clock::duration>(seconds);
}

double Seconds(Clock::duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace

std::string TextFor(std::uint64_t id) { return "text-" + std::to_string(id); }

LoadRun::LoadRun(const LoadOptions& options)
    : options_(options),
      begin_(Clock::now() + Ticks(options.warmup)),
      end_(begin_ + Ticks(options.measured)) {
  latencies_.reserve(1 << 20);
}

void LoadRun::MaybeSample(Clock::time_point now) {
  if (!began_ && now >= begin_) {
    began_ = true;
    cpu_begin_ = SampleCpu(options_.gateway, options_.others);
    sampled_begin_ = Clock::now();
  }
  if (began_ && !ended_ && now >= end_) {
    ended_ = true;
    cpu_end_ = SampleCpu(options_.gateway, options_.others);
    sampled_end_ = Clock::now();
  }
}

bool LoadRun::OnCallDone(Clock::time_point started, bool ok) {
  const Clock::time_point now = Clock::now();
  ++finished_;
  if (!ok) ++errors_;
  MaybeSample(now);
  if (now >= end_) return false;
  if (ok && now >= begin_) latencies_.push_back(now - started);
  return true;
}

double LoadRun::Percentile(double share) {
  if (latencies_.empty()) return 0;
  const auto at = static_cast<std::ptrdiff_t>(share * static_cast<double>(latencies_.size() - 1));
  std::nth_element(latencies_.begin(), latencies_.begin() + at, latencies_.end());
  return Seconds(latencies_[static_cast<std::size_t>(at)]) * 1e6;
}

std::string LoadRun::Report(std::string_view mode, double upstream_requests) {
  MaybeSample(std::max(Clock::now(), end_));
  const double calls = static_cast<double>(latencies_.size());
  const double seconds = Seconds(sampled_end_ - sampled_begin_);
  const CpuSample cpu = cpu_end_ - cpu_begin_;
  const double per_call = calls > 0 ? 1 / calls : 0;
  char line[512];
  std::snprintf(line, sizeof line,
                "{\"mode\":\"%.*s\",\"connections\":%d,\"seconds\":%.3f,\"calls\":%.0f,"
                "\"calls_per_s\":%.1f,\"p50_us\":%.1f,\"p99_us\":%.1f,\"errors\":%llu,"
                "\"gateway_cpu_us_per_call\":%.2f,\"upstream_requests_per_call\":%.4f,"
                "\"foreign_cores\":%.2f}",
                static_cast<int>(mode.size()), mode.data(), options_.connections, seconds, calls,
                calls / seconds, Percentile(0.5), Percentile(0.99),
                static_cast<unsigned long long>(errors_ + started() - finished_),
                cpu.gateway.count() * 1e6 * per_call,
                upstream_requests < 0 ? -1 : upstream_requests / static_cast<double>(started()),
                cpu.foreign.count() / seconds);
  return line;
}

}  // namespace mcpbridge::bench

#include "tests/bench/load_run.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace mcpbridge::bench {
namespace {

Clock::duration Ticks(std::chrono::duration<double> seconds) {
  return std::chrono::duration_cast<Clock::duration>(seconds);
}

double Seconds(Clock::duration duration) { return std::chrono::duration<double>(duration).count(); }

// As JSON text: what could need an escape is left out.
std::string Plain(std::string_view text) {
  std::string plain;
  for (const char c : text) plain += c >= ' ' && c < 127 && c != '"' && c != '\\' ? c : ' ';
  return plain;
}

}  // namespace

LoadRun::LoadRun(const LoadOptions& options, const Work& work) : options_(options), work_(work) {
  latencies_.reserve(1 << 20);
}

void LoadRun::Begin() {
  start_ = Clock::now();
  last_done_ = start_;
  begin_ = start_ + (options_.once ? Clock::duration(0) : Ticks(options_.warmup));
  end_ = begin_ + Ticks(options_.measured);
  MaybeSample(start_);
}

Clock::time_point LoadRun::DueOf(std::uint64_t index) const {
  return start_ + Ticks(std::chrono::duration<double>(static_cast<double>(index) / options_.rate));
}

Clock::time_point LoadRun::next_due() const {
  const std::lock_guard lock(mutex_);
  return DueOf(dues_taken_);
}

std::optional<Clock::time_point> LoadRun::TakeDue(Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  const Clock::time_point due = DueOf(dues_taken_);
  if (due > now || now >= end_) return std::nullopt;
  ++dues_taken_;
  return due;
}

std::uint64_t LoadRun::NeverBegun() const {
  if (options_.rate <= 0) return 0;
  const double due = std::floor(Seconds(end_ - start_) * options_.rate);
  const std::lock_guard lock(mutex_);
  const auto dues = static_cast<std::uint64_t>(due);
  return dues > dues_taken_ ? dues - dues_taken_ : 0;
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
  const std::lock_guard lock(mutex_);
  last_done_ = now;
  ++finished_;
  if (!ok) ++errors_;
  MaybeSample(now);
  const bool in_time = now >= begin_ && now < end_;
  if (ok && in_time) ++completed_;
  // With a rate each call that was due in time counts, however late its answer.
  const bool counts = options_.rate > 0 ? started >= begin_ && started < end_ : in_time;
  if (ok && counts) latencies_.push_back(now - started);
  const bool go_on = now < end_ && !options_.once;
  if (!go_on) ++told_to_end_;
  return go_on;
}

bool LoadRun::done(int callers) const {
  const std::lock_guard lock(mutex_);
  return told_to_end_ >= callers;
}

void LoadRun::KeepExample(std::string_view answer) {
  const std::lock_guard lock(mutex_);
  if (example_.empty()) example_ = Plain(answer.substr(0, 300));
}

double LoadRun::Percentile(double share) {
  if (latencies_.empty()) return 0;
  const auto at = static_cast<std::ptrdiff_t>(share * static_cast<double>(latencies_.size() - 1));
  std::nth_element(latencies_.begin(), latencies_.begin() + at, latencies_.end());
  return Seconds(latencies_[static_cast<std::size_t>(at)]) * 1e6;
}

std::string LoadRun::Report(std::string_view mode) {
  if (options_.once) end_ = last_done_;
  MaybeSample(std::max(Clock::now(), end_));
  const double seconds = std::max(Seconds(sampled_end_ - sampled_begin_), 1e-9);
  const CpuSample cpu = cpu_end_ - cpu_begin_;
  const double calls = static_cast<double>(completed_);
  char line[1536];
  std::snprintf(
      line, sizeof line,
      "{\"mode\":\"%.*s\",\"connections\":%d,\"rate\":%.1f,\"seconds\":%.3f,\"calls\":%.0f,"
      "\"calls_per_s\":%.1f,\"p50_us\":%.1f,\"p90_us\":%.1f,\"p99_us\":%.1f,\"p999_us\":%.1f,"
      "\"max_us\":%.1f,\"errors\":%llu,\"unanswered\":%llu,\"never_begun\":%llu,\"begun\":%llu,"
      "\"gateway_cpu_us_per_call\":%.2f,\"gateway_cores\":%.3f,\"load_cores\":%.3f,"
      "\"other_cores\":%.3f,\"foreign_cores\":%.3f,\"example_error\":\"%s\"}",
      static_cast<int>(mode.size()), mode.data(), options_.connections, options_.rate, seconds,
      calls, calls / seconds, Percentile(0.5), Percentile(0.9), Percentile(0.99), Percentile(0.999),
      Percentile(1), static_cast<unsigned long long>(errors_),
      static_cast<unsigned long long>(begun() - finished_),
      static_cast<unsigned long long>(NeverBegun()), static_cast<unsigned long long>(begun()),
      calls > 0 ? cpu.gateway.count() * 1e6 / calls : 0, cpu.gateway.count() / seconds,
      cpu.own.count() / seconds, cpu.others.count() / seconds, cpu.foreign.count() / seconds,
      example_.c_str());
  return line;
}

}  // namespace mcpbridge::bench

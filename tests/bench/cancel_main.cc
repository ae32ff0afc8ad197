// bench-cancel: how long it takes from a caller's cancelling to the server's noticing.

#include <absl/flags/flag.h>
#include <absl/flags/parse.h>
#include <absl/flags/usage.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "tests/bench/cancel_load.h"
#include "tests/bench/http_response.h"

ABSL_FLAG(std::string, mode, "http", "http or grpc");
ABSL_FLAG(std::string, target, "127.0.0.1:4000", "IP:PORT of what is measured");
ABSL_FLAG(std::string, path, "/mcp", "http: where to POST to");
ABSL_FLAG(std::string, tool, "sleep", "The name of mcp-demo-server's sleep");
ABSL_FLAG(std::string, upstream, "", "IP:PORT of the mcp-demo-server behind, without sessions");
ABSL_FLAG(int, connections, 64, "Callers");
ABSL_FLAG(double, seconds, 5, "How long to go on");

namespace mcpbridge::bench {
namespace {

// When the upstream noticed, by milliseconds of sleep, from {"SLEEP":NANOSECONDS,...} of its steady
// clock, which is ours.
std::map<std::int64_t, Clock::time_point> NoticesOf(const std::string& upstream) {
  std::map<std::int64_t, Clock::time_point> notices;
  const std::string json = HttpGet(upstream, "/cancelled");
  for (std::size_t at = 0; (at = json.find('"', at)) != std::string::npos;) {
    char* end = nullptr;
    const std::int64_t sleep = std::strtoll(json.c_str() + at + 1, &end, 10);
    const std::int64_t nanoseconds = std::strtoll(end + 2, &end, 10);
    notices[sleep] = Clock::time_point(std::chrono::nanoseconds(nanoseconds));
    at = static_cast<std::size_t>(end - json.c_str());
  }
  return notices;
}

double At(const std::vector<double>& sorted, double share) {
  if (sorted.empty()) return 0;
  return sorted[static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1))];
}

void Report(const Cancelled& cancelled, const std::string& upstream) {
  const auto notices = NoticesOf(upstream);
  std::vector<double> microseconds;
  for (const auto& [sleep, at] : cancelled.at()) {
    const auto notice = notices.find(sleep);
    if (notice == notices.end()) continue;
    microseconds.push_back(std::chrono::duration<double, std::micro>(notice->second - at).count());
  }
  std::sort(microseconds.begin(), microseconds.end());
  std::printf(
      "{\"cancelled\":%zu,\"never_noticed\":%zu,\"failures\":%d,\"p50_us\":%.1f,\"p90_us\":%.1f,"
      "\"p99_us\":%.1f,\"max_us\":%.1f}\n",
      cancelled.at().size(), cancelled.at().size() - microseconds.size(), cancelled.failures,
      At(microseconds, 0.5), At(microseconds, 0.9), At(microseconds, 0.99), At(microseconds, 1));
}

int Run() {
  CancelOptions options;
  options.target = absl::GetFlag(FLAGS_target);
  options.path = absl::GetFlag(FLAGS_path);
  options.tool = absl::GetFlag(FLAGS_tool);
  options.callers = absl::GetFlag(FLAGS_connections);
  options.end = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                   std::chrono::duration<double>(absl::GetFlag(FLAGS_seconds)));
  Cancelled cancelled;
  (absl::GetFlag(FLAGS_mode) == "grpc" ? CancelOverGrpc : CancelOverHttp)(options, cancelled);
  std::this_thread::sleep_for(std::chrono::seconds(1));  // a notice that is later counts as none
  Report(cancelled, absl::GetFlag(FLAGS_upstream));
  return 0;
}

}  // namespace
}  // namespace mcpbridge::bench

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage(
      "Calls `sleep`, cancels it, and prints how long that took to reach the server.");
  absl::ParseCommandLine(argc, argv);
  try {
    return mcpbridge::bench::Run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench-cancel: %s\n", error.what());
    return 1;
  }
}

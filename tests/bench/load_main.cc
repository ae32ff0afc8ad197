// bench-load: calls a tool over and over and says how fast that went, as one line of JSON.

#include <absl/flags/flag.h>
#include <absl/flags/parse.h>
#include <absl/flags/usage.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <optional>
#include <string>
#include <vector>

#include "tests/bench/load_run.h"

ABSL_FLAG(std::string, mode, "http",
          "http, grpc, or h2: gRPC without its library, which costs little");
ABSL_FLAG(std::string, target, "127.0.0.1:4000", "IP:PORT of what is measured");
ABSL_FLAG(std::string, path, "/mcp", "http: where to POST to");
ABSL_FLAG(std::vector<std::string>, headers, {}, "http: further headers, NAME: VALUE");
ABSL_FLAG(std::string, protocol_version, "2025-11-25", "http: MCP-Protocol-Version");
ABSL_FLAG(bool, sessions, false, "http: each connection has a session, begun with initialize");
ABSL_FLAG(std::string, work, "echo",
          "What the tool does: echo (answers `text`), bytes (answers `n` bytes), sleep (for `ms`)");
ABSL_FLAG(std::vector<std::string>, tools, {},
          "Names of the tool, called in turn; default: --work");
ABSL_FLAG(int, size, 100, "echo: bytes of text; bytes: of the result, about");
ABSL_FLAG(int, sleep_ms, 1000, "sleep: how long");
ABSL_FLAG(int, connections, 1, "Callers; with http each has a connection of its own");
ABSL_FLAG(int, channels, 1, "grpc: connections that the callers share");
ABSL_FLAG(int, threads, 2, "grpc: threads, each with its share of the callers; http has one");
ABSL_FLAG(double, rate, 0,
          "Calls begun per second, latency counted from when each should have begun; "
          "0: each caller asks again as soon as it is answered");
ABSL_FLAG(bool, once, false, "Each caller asks once, all at the same time; --seconds: at most");
ABSL_FLAG(double, seconds, 5, "How long to measure");
ABSL_FLAG(double, warmup, 1, "How long to call before that");
ABSL_FLAG(std::vector<std::string>, gateway_pids, {},
          "Processes whose CPU time per call is reported");
ABSL_FLAG(std::vector<std::string>, other_pids, {},
          "Further processes of the measurement; what is used beyond them counts as foreign");

namespace mcpbridge::bench {
namespace {

std::vector<pid_t> Pids(const std::vector<std::string>& texts) {
  std::vector<pid_t> pids;
  for (const std::string& text : texts) pids.push_back(std::stoi(text));
  return pids;
}

std::optional<Work> WorkOfFlags() {
  const std::string name = absl::GetFlag(FLAGS_work);
  std::vector<std::string> tools = absl::GetFlag(FLAGS_tools);
  if (tools.empty()) tools.push_back(name);
  const auto size = static_cast<std::size_t>(absl::GetFlag(FLAGS_size));
  const int ms = absl::GetFlag(FLAGS_sleep_ms);
  if (name == "echo") return Work(Work::Kind::kEcho, std::move(tools), size, ms);
  if (name == "bytes") return Work(Work::Kind::kBytes, std::move(tools), size, ms);
  if (name == "sleep") return Work(Work::Kind::kSleep, std::move(tools), size, ms);
  return std::nullopt;
}

LoadOptions OptionsOfFlags() {
  LoadOptions options;
  const std::string target = absl::GetFlag(FLAGS_target);
  const std::size_t colon = target.rfind(':');
  options.host = target.substr(0, colon);
  options.port = static_cast<std::uint16_t>(std::stoi(target.substr(colon + 1)));
  options.path = absl::GetFlag(FLAGS_path);
  options.headers = absl::GetFlag(FLAGS_headers);
  options.protocol_version = absl::GetFlag(FLAGS_protocol_version);
  options.sessions = absl::GetFlag(FLAGS_sessions);
  options.connections = absl::GetFlag(FLAGS_connections);
  options.channels = absl::GetFlag(FLAGS_channels);
  options.threads = std::min(absl::GetFlag(FLAGS_threads), options.connections);
  options.rate = absl::GetFlag(FLAGS_rate);
  options.once = absl::GetFlag(FLAGS_once);
  options.warmup = std::chrono::duration<double>(absl::GetFlag(FLAGS_warmup));
  options.measured = std::chrono::duration<double>(absl::GetFlag(FLAGS_seconds));
  options.gateway = Pids(absl::GetFlag(FLAGS_gateway_pids));
  options.others = Pids(absl::GetFlag(FLAGS_other_pids));
  return options;
}

void RaiseFileLimit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

int Run() {
  const std::string mode = absl::GetFlag(FLAGS_mode);
  const LoadOptions options = OptionsOfFlags();
  const std::optional<Work> work = WorkOfFlags();
  if (!work || (mode != "http" && mode != "grpc" && mode != "h2") || options.connections < 1 ||
      options.channels < 1 || options.threads < 1 || (mode == "h2" && options.rate > 0) ||
      options.rate < 0 || absl::GetFlag(FLAGS_size) < 1) {
    std::fprintf(stderr, "bench-load: a flag has an impossible value; see --help\n");
    return 2;
  }
  RaiseFileLimit();
  ::prctl(PR_SET_TIMERSLACK, 1);  // calls begin when they are due, not 50 us later
  LoadRun run(options, *work);
  (mode == "grpc" ? RunGrpcLoad : mode == "h2" ? RunH2Load : RunHttpLoad)(options, run);
  std::printf("%s\n", run.Report(mode).c_str());
  return 0;
}

}  // namespace
}  // namespace mcpbridge::bench

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage(
      "Calls a tool over and over, in a closed loop or at a fixed rate, and prints how fast.");
  absl::ParseCommandLine(argc, argv);
  try {
    return mcpbridge::bench::Run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench-load: %s\n", error.what());
    return 1;
  }
}

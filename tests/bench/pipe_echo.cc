// bench-pipe: lines to a child process and back, with some of them in flight, as the reference for
// stdio servers. The child sends every line back, or is a real MCP server that answers them.

#include <absl/flags/flag.h>
#include <absl/flags/parse.h>
#include <absl/flags/usage.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "tests/bench/cpu_time.h"
#include "tests/bench/work.h"

ABSL_FLAG(int, connections, 64, "Lines in flight");
ABSL_FLAG(int, size, 100, "Bytes of a call's text");
ABSL_FLAG(bool, batch, false,
          "Write all lines that are ready at once; otherwise each is a write of its own, in the "
          "child too: as if calls came one by one, and each answer were flushed");
ABSL_FLAG(std::string, server, "", "Instead of the child that echoes lines: this MCP server");
ABSL_FLAG(double, seconds, 5, "How long to measure");
ABSL_FLAG(double, warmup, 1, "How long to go on before that");

namespace mcpbridge::bench {
namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void Fail(const char* what) {
  std::perror(what);
  std::exit(1);
}

void WriteAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written <= 0) Fail("bench-pipe: write");
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

void WriteLines(int fd, std::string_view lines, bool batch) {
  if (batch) return WriteAll(fd, lines);
  while (!lines.empty()) {
    const std::size_t end = lines.find('\n') + 1;
    WriteAll(fd, lines.substr(0, end));
    lines.remove_prefix(end);
  }
}

// Writes whole lines back until there are no more.
void Echo(int in, int out, bool batch) {
  std::string lines;
  std::vector<char> piece(64 << 10);
  for (ssize_t size = 0; (size = ::read(in, piece.data(), piece.size())) > 0;) {
    lines.append(piece.data(), static_cast<std::size_t>(size));
    const std::size_t whole = lines.rfind('\n') + 1;  // 0: none
    WriteLines(out, std::string_view(lines).substr(0, whole), batch);
    lines.erase(0, whole);
  }
}

struct Child {
  int to = -1;
  int from = -1;
  pid_t pid = -1;
};

Child Start(const std::string& server, bool batch) {
  int down[2];
  int up[2];
  if (::pipe(down) != 0 || ::pipe(up) != 0) Fail("bench-pipe: pipe");
  const pid_t pid = ::fork();
  if (pid < 0) Fail("bench-pipe: fork");
  if (pid != 0) {
    ::close(down[0]);
    ::close(up[1]);
    return {.to = down[1], .from = up[0], .pid = pid};
  }
  ::close(down[1]);
  ::close(up[0]);
  if (server.empty()) {
    Echo(down[0], up[1], batch);
    ::_exit(0);
  }
  ::dup2(down[0], STDIN_FILENO);
  ::dup2(up[1], STDOUT_FILENO);
  ::execl(server.c_str(), server.c_str(), static_cast<char*>(nullptr));
  Fail(server.c_str());
}

// Calls of `echo`, a line each, whose answers must come in order.
class Calls {
 public:
  explicit Calls(std::size_t size) : work_(Work::Kind::kEcho, {"echo"}, size, 0) {}

  void AppendNext(std::string& out) {
    out.append(R"({"jsonrpc":"2.0","id":)").append(std::to_string(kFirst + sent_));
    out.append(R"(,"method":"tools/call","params":{"name":"echo","arguments":)");
    work_.AppendArguments(out, kFirst + sent_++);
    out.append("}}\n");
  }

  // How many whole lines have come.
  int Take(std::string_view bytes) {
    int whole = 0;
    buffer_.append(bytes);
    std::size_t begin = 0;
    for (std::size_t end = 0; (end = buffer_.find('\n', begin)) != std::string::npos; ++whole) {
      const auto line = std::string_view(buffer_).substr(begin, end - begin);
      const std::string text = "text-" + std::to_string(kFirst + received_++);
      if (line.find(text) == std::string_view::npos) ++errors_;
      begin = end + 1;
    }
    buffer_.erase(0, begin);
    return whole;
  }

  unsigned long long received() const { return received_; }
  unsigned long long errors() const { return errors_; }

 private:
  static constexpr unsigned long long kFirst = 1'000'000'000;

  const Work work_;
  std::string buffer_;
  unsigned long long sent_ = 0;
  unsigned long long received_ = 0;
  unsigned long long errors_ = 0;
};

int Run() {
  const int in_flight = absl::GetFlag(FLAGS_connections);
  const int size = absl::GetFlag(FLAGS_size);
  const bool batch = absl::GetFlag(FLAGS_batch);
  // What is in flight fits into a pipe, so that neither side ever waits for the other to read.
  if (in_flight < 1 || size < 1 || in_flight * (size + 130) > 64 << 10) {
    std::fprintf(stderr, "bench-pipe: a flag has an impossible value; see --help\n");
    return 2;
  }
  std::signal(SIGPIPE, SIG_IGN);
  const Child child = Start(absl::GetFlag(FLAGS_server), batch);
  const auto seconds = [](double count) {
    return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(count));
  };
  const Clock::time_point warm = Clock::now() + seconds(absl::GetFlag(FLAGS_warmup));
  const Clock::time_point end = warm + seconds(absl::GetFlag(FLAGS_seconds));
  Calls calls(static_cast<std::size_t>(size));
  std::string out;
  for (int i = 0; i < in_flight; ++i) calls.AppendNext(out);
  std::vector<char> in(64 << 10);
  CpuSample cpu;
  Clock::time_point begun{};
  unsigned long long before = 0;
  while (Clock::now() < end) {
    WriteLines(child.to, out, batch);
    out.clear();
    const ssize_t got = ::read(child.from, in.data(), in.size());
    if (got <= 0) Fail("bench-pipe: read");
    const int whole = calls.Take({in.data(), static_cast<std::size_t>(got)});
    for (int i = 0; i < whole; ++i) calls.AppendNext(out);
    if (begun == Clock::time_point{} && Clock::now() >= warm) {
      begun = Clock::now();
      before = calls.received();
      cpu = SampleCpu({}, {child.pid});
    }
  }
  const CpuSample used = SampleCpu({}, {child.pid}) - cpu;
  const double took = std::chrono::duration<double>(Clock::now() - begun).count();
  const double done = static_cast<double>(calls.received() - before);
  ::close(child.to);
  ::close(child.from);
  ::waitpid(child.pid, nullptr, 0);
  std::printf(
      "{\"mode\":\"pipe\",\"connections\":%d,\"rate\":0,\"seconds\":%.3f,\"calls\":%.0f,"
      "\"calls_per_s\":%.1f,\"errors\":%llu,\"unanswered\":0,\"never_begun\":0,\"begun\":%llu,"
      "\"gateway_cpu_us_per_call\":0,\"gateway_cores\":0,\"load_cores\":%.3f,"
      "\"other_cores\":%.3f,\"foreign_cores\":%.3f}\n",
      in_flight, took, done, done / took, calls.errors(), calls.received(), used.own.count() / took,
      used.others.count() / took, used.foreign.count() / took);
  return 0;
}

}  // namespace
}  // namespace mcpbridge::bench

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage("Sends lines to a child that sends them back, and prints how fast.");
  absl::ParseCommandLine(argc, argv);
  return mcpbridge::bench::Run();
}

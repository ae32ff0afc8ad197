#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/mcp/initialize.h"
#include "server/runtime/executor.h"
#include "server/upstream/stdio_upstream.h"
#include "tests/unit/upstream_calls.h"

namespace mcpbridge::test {

// A server that does what it is told, by method; its argument says how it answers `initialize`.
inline constexpr std::string_view kServerScript = R"py(
import json, os, signal, subprocess, sys

mode = sys.argv[1] if len(sys.argv) > 1 else "normal"
seen, held = [], []

def send(message):
    sys.stdout.write(json.dumps(message, separators=(",", ":")) + "\n")
    sys.stdout.flush()

def answer(id, result):
    send({"jsonrpc": "2.0", "id": id, "result": result})

def grandchild():
    program = "import signal,time\n" \
              "for s in (1, 2, 15): signal.signal(s, signal.SIG_IGN)\n" \
              "print('ready', flush=True)\n" \
              "time.sleep(1000)"
    child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    child.stdout.readline()
    return child.pid

if mode == "stubborn":
    for s in (signal.SIGTERM, signal.SIGINT): signal.signal(s, signal.SIG_IGN)
while True:
    line = sys.stdin.readline()
    if not line:
        if mode == "stubborn":
            while True: signal.pause()
        sys.stderr.write("end of input\n")
        break
    message = json.loads(line)
    seen.append(message)
    method, id = message.get("method"), message.get("id")
    params = message.get("params", {})
    if method == "initialize":
        if mode == "hang": continue
        if mode == "crash": sys.stderr.write("no licence\n"); sys.exit(5)
        if mode == "refuse":
            send({"jsonrpc": "2.0", "id": id, "error": {"code": -32000, "message": "not today"}})
            continue
        answer(id, {"protocolVersion": "2026-07-28" if mode == "future" else "2025-11-25",
                    "capabilities": {"tools": {"listChanged": True}},
                    "serverInfo": {"name": "scripted", "version": "1.2"}})
    elif method == "echo": answer(id, params)
    elif method == "line": answer(id, line)
    elif method == "seen": answer(id, [m for m in seen if m.get("method") == params["method"]])
    elif method == "hold": held.append((id, params))
    elif method == "release":
        for held_id, held_params in reversed(held): answer(held_id, held_params)
        held = []
        answer(id, {})
    elif method == "pid": answer(id, os.getpid())
    elif method == "env": answer(id, dict(os.environ))
    elif method == "grandchild": answer(id, grandchild())
    elif method == "detached":  # out of our process group, with our stdout
        answer(id, subprocess.Popen(["sleep", "1000"], start_new_session=True).pid)
    elif method == "huge": answer(id, "x" * params["size"])
    elif method == "invalid": send({"jsonrpc": "2.0", "id": id, "result": 1, "error": {}})
    elif method == "exit": os._exit(params["code"])
    elif method == "close": os.close(1); held.append(sys.stdin.readline())
    elif method == "stderr": sys.stderr.write(params["text"]); sys.stderr.flush(); answer(id, {})
    elif method == "stdout": sys.stdout.write(params["text"]); answer(id, {})
    elif method == "changed":
        send({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"})
        answer(id, {})
    elif method == "ask":
        send({"jsonrpc": "2.0", "id": "p", "method": "ping"})
        send({"jsonrpc": "2.0", "id": 1, "method": "roots/list"})
        send({"jsonrpc": "2.0", "method": "notifications/message", "params": {"data": 1}})
        replies = [json.loads(sys.stdin.readline()) for _ in range(2)]
        answer(id, replies)
)py";

inline std::string Numbered(int n) { return "{\"n\":" + std::to_string(n) + "}"; }

// Waits until the process `pid` is no more (or a zombie, which its new parent takes).
inline bool Gone(pid_t pid) {
  const int fd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  if (fd < 0) return errno == ESRCH;
  pollfd wait{.fd = fd, .events = POLLIN, .revents = 0};
  const int ready = ::poll(&wait, 1, std::chrono::milliseconds(kPatience).count());
  ::close(fd);
  return ready == 1;
}

// Two lanes, and a scripted server that lives on the first.
class StdioFixture : public testing::Test {
 protected:
  StdioFixture() {
    folder_ = testing::TempDir() + "/stdio." + std::to_string(::getpid());
    std::filesystem::create_directories(folder_);
    std::ofstream(folder_ + "/server.py") << kServerScript;
    log_ = std::make_shared<LogCapture>();
    before_ = spdlog::default_logger();
    spdlog::set_default_logger(std::make_shared<spdlog::logger>("test", log_));
    config_.name = "time";
    config_.transport = TransportKind::kStdio;
    config_.command = "python3";
    limits_.stop_step = std::chrono::milliseconds(200);
    status_.SetWatcher([this](const std::string&, bool serving) {
      const std::lock_guard lock(mutex_);
      healths_.push_back(serving);
      changed_.notify_all();
    });
    executor_.Start();
  }
  ~StdioFixture() override {
    upstream_.reset();
    executor_.StopLanes();
    spdlog::set_default_logger(before_);
    std::filesystem::remove_all(folder_);
  }

  Lane& home() { return executor_.lane(0); }
  Lane& other() { return executor_.lane(1); }

  void Start(const std::string& mode = "normal") {
    config_.args = {folder_ + "/server.py", mode};
    upstream_ = std::make_unique<StdioUpstream>(
        config_, home(), limits_,
        UpstreamUse{
            .initialize_params = InitializeParams(), .status = &status_, .lists_changed = [this] {
              EXPECT_TRUE(home().OnThisThread());
              const std::lock_guard lock(mutex_);
              ++tools_changed_;
              changed_.notify_all();
            }});
    upstream_->Start();
  }

  void Stop(const std::string& why = "drain") {
    const auto done = std::make_shared<std::promise<void>>();
    upstream_->Stop(why, [done] { done->set_value(); });
    ASSERT_EQ(done->get_future().wait_for(kPatience), std::future_status::ready);
  }

  TestCall Send(Lane& lane, std::string method, std::string params = "{}") {
    return TestCall(*upstream_, lane, std::move(method), std::move(params));
  }
  std::string Call(std::string method, std::string params = "{}") {
    const Outcome outcome = Send(home(), std::move(method), std::move(params)).Wait();
    if (outcome.error) ADD_FAILURE() << outcome.error->message;
    return outcome.result;
  }

  // Waits until `condition` holds of what the watcher and on_lists_changed have been told.
  template <class F>
  bool WaitUntil(F condition) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, condition);
  }
  // Waits until the server has been said to serve `times` times.
  bool WaitUntilServed(int times) {
    return WaitUntil(
        [this, times] { return std::count(healths_.begin(), healths_.end(), true) >= times; });
  }

  std::string folder_;
  std::shared_ptr<LogCapture> log_;
  std::shared_ptr<spdlog::logger> before_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<bool> healths_;
  int tools_changed_ = 0;
  ServerConfig config_;
  StdioUpstream::Limits limits_;
  StatusBoard status_{{"time"}};
  Executor executor_{{.lanes = 2, .grpc_threads_per_queue = 1}};
  std::unique_ptr<StdioUpstream> upstream_;
};

}  // namespace mcpbridge::test

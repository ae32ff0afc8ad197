// One child process behind StdioUpstream, without a front: what stdio itself allows.

#include <benchmark/benchmark.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <cstddef>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/mcp/initialize.h"
#include "server/runtime/executor.h"
#include "server/upstream/stdio_upstream.h"

namespace mcpbridge::bench {
namespace {

constexpr int kCalls = 20'000;  // of one round

// Calls `echo` again and again, some calls at once, all on the upstream's lane.
class Round {
 public:
  Round(Upstream& upstream, Lane& lane, std::size_t at_once)
      : upstream_(upstream), lane_(lane), callers_(at_once, Caller(*this)) {}

  // False: a call failed.
  bool Run() {
    lane_.Post([this] {
      for (Caller& caller : callers_) caller.Begin();
    });
    done_.get_future().wait();
    return !failed_;
  }

 private:
  class Caller final : public ReplyHandler {
   public:
    explicit Caller(Round& round) : round_(round) {}

    void Begin() {
      exchange_.reset();
      if (round_.begun_ == kCalls) return;
      ++round_.begun_;
      auto sent = round_.upstream_.Send(
          round_.lane_,
          {.method = "tools/call",
           .params = R"({"name":"echo","arguments":{"text":")" + std::string(100, 'x') + R"("}})",
           .deadline = Deadline::After(std::chrono::seconds(60))},
          *this);
      if (sent) {
        exchange_ = std::move(*sent);
      } else {
        OnEnd(false);
      }
    }

    void OnReply(Result<jsonrpc::Message> message) override { OnEnd(message.has_value()); }

   private:
    void OnEnd(bool ok) {
      round_.failed_ |= !ok;
      if (++round_.ended_ == kCalls) return round_.End();
      Begin();
    }

    Round& round_;
    std::shared_ptr<Exchange> exchange_;
  };

  void End() {
    lane_.Post([this] { done_.set_value(); });  // the last exchange isn't ended in its own handler
  }

  Upstream& upstream_;
  Lane& lane_;
  std::vector<Caller> callers_;
  std::promise<void> done_;
  int begun_ = 0;
  int ended_ = 0;
  bool failed_ = false;
};

void StdioCalls(benchmark::State& state) {
  spdlog::set_level(spdlog::level::off);
  Executor executor({.lanes = 1, .grpc_threads_per_queue = 1});
  ServerConfig config;
  config.name = "demo";
  config.transport = TransportKind::kStdio;
  config.command = MCP_DEMO_SERVER;
  std::promise<void> serving;
  StatusBoard status({"demo"});
  status.SetWatcher([&serving, told = false](const std::string&, bool serves) mutable {
    if (serves && !std::exchange(told, true)) serving.set_value();
  });
  executor.Start();
  StdioUpstream upstream(
      config, executor.lane(0), {},
      UpstreamUse{
          .initialize_params = InitializeParams(), .status = &status, .lists_changed = [] {}});
  upstream.Start();
  serving.get_future().wait();
  for (auto _ : state) {
    Round round(upstream, executor.lane(0), static_cast<std::size_t>(state.range(0)));
    if (!round.Run()) state.SkipWithError("a call failed");
  }
  state.SetItemsProcessed(state.iterations() * kCalls);
  std::promise<void> stopped;
  upstream.Stop("drain", [&stopped] { stopped.set_value(); });
  stopped.get_future().wait();
  executor.StopLanes();
}
BENCHMARK(StdioCalls)
    ->Arg(1)
    ->Arg(16)
    ->Arg(64)
    ->Arg(256)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace mcpbridge::bench

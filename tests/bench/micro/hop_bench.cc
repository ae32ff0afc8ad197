// What it costs to get from one thread to another.

#include <benchmark/benchmark.h>
#include <grpcpp/alarm.h>
#include <grpcpp/completion_queue.h>

#include <future>
#include <thread>

#include "server/runtime/executor.h"

namespace mcpbridge::bench {
namespace {

constexpr int kHops = 1000;

// There and back, one at a time: each hop wakes a thread.
void LanePostAndBack(benchmark::State& state) {
  Executor executor({.lanes = 2, .grpc_threads_per_queue = 1});
  executor.Start();
  struct Ball {
    Executor& executor;
    int left = kHops;
    std::promise<void> done = {};
    void Hop() {
      if (left-- == 0) return done.set_value();
      executor.lane(left % 2).Post([this] { Hop(); });
    }
  };
  for (auto _ : state) {
    Ball ball{executor};
    ball.Hop();
    ball.done.get_future().wait();
  }
  state.SetItemsProcessed(state.iterations() * kHops);
  executor.StopLanes();
}
BENCHMARK(LanePostAndBack)->UseRealTime();

// Many at once, so that the lane never sleeps: what a post costs beside waking.
void LanePostMany(benchmark::State& state) {
  Executor executor({.lanes = 1, .grpc_threads_per_queue = 1});
  executor.Start();
  for (auto _ : state) {
    std::promise<void> done;
    for (int i = 1; i < kHops; ++i) executor.lane(0).Post([i] { benchmark::DoNotOptimize(i); });
    executor.lane(0).Post([&done] { done.set_value(); });
    done.get_future().wait();
  }
  state.SetItemsProcessed(state.iterations() * kHops);
  executor.StopLanes();
}
BENCHMARK(LanePostMany)->UseRealTime();

// Through a completion queue, by alarms that are due: one at a time.
void QueueAlarm(benchmark::State& state) {
  grpc::CompletionQueue queue;
  std::promise<void>* waiting = nullptr;
  std::thread pump([&] {
    void* tag = nullptr;
    bool ok = false;
    while (queue.Next(&tag, &ok)) static_cast<std::promise<void>*>(tag)->set_value();
  });
  for (auto _ : state) {
    std::promise<void> done;
    waiting = &done;
    grpc::Alarm alarm;
    alarm.Set(&queue, gpr_now(GPR_CLOCK_MONOTONIC), waiting);
    done.get_future().wait();
  }
  queue.Shutdown();
  pump.join();
}
BENCHMARK(QueueAlarm)->UseRealTime();

}  // namespace
}  // namespace mcpbridge::bench

#include "server/runtime/pump.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <latch>
#include <memory>
#include <thread>
#include <vector>

#include "server/runtime/executor.h"
#include "server/runtime/post_batch.h"

namespace mcpbridge {
namespace {

// Tells where and how often it was run.
class Noting final : public PumpTask {
 public:
  void Run() override {
    pump = Pump::Current();
    ++runs;
    if (done != nullptr) done->count_down();
  }

  Pump* pump = nullptr;
  int runs = 0;
  std::latch* done = nullptr;
};

TEST(PumpTest, ATaskRunsOnThePumpAlsoWhenItWaits) {
  Executor executor({.lanes = 1});
  Pump& pump = executor.ClientPump();
  executor.Start();
  EXPECT_EQ(Pump::Current(), nullptr);
  for (int i = 0; i < 100; ++i) {  // each finds the pump waiting, or on its way there
    std::latch done{1};
    Noting task;
    task.done = &done;
    pump.Post(task);
    done.wait();
    EXPECT_EQ(task.pump, &pump);
    EXPECT_EQ(task.runs, 1);
  }
}

TEST(PumpTest, WhatManyPostIsRunOnceEach) {
  constexpr int kThreads = 4;
  constexpr int kTasks = 500;
  Executor executor({.lanes = 1, .grpc_threads_per_queue = 2});
  Pump& pump = executor.ClientPump();
  executor.Start();
  std::latch done{kThreads * kTasks};
  std::vector<Noting> tasks(kThreads * kTasks);
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      for (int j = 0; j < kTasks; ++j) {
        Noting& task = tasks[static_cast<std::size_t>(i * kTasks + j)];
        task.done = &done;
        pump.Post(task);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  done.wait();
  for (const Noting& task : tasks) EXPECT_EQ(task.runs, 1);
}

// Posts to a lane from the pump, as the end of an RPC does.
class Posting final : public PumpTask {
 public:
  Posting(Lane& lane, int posts) : lane_(lane), posts_(posts) {}
  void Run() override {
    for (int i = 0; i < posts_; ++i) {
      lane_.Post([this, i] {
        order.push_back(i);
        if (i + 1 == posts_) end.set_value();
      });
    }
  }

  std::vector<int> order;  // on the lane
  std::promise<void> end;

 private:
  Lane& lane_;
  const int posts_;
};

TEST(PumpTest, WhatItPostsToALaneArrivesInOrderBeforeItWaits) {
  constexpr int kPosts = 100;
  Executor executor({.lanes = 1});
  Pump& pump = executor.ClientPump();
  executor.Start();
  Posting task(executor.lane(0), kPosts);
  pump.Post(task);
  task.end.get_future().wait();
  ASSERT_EQ(task.order.size(), static_cast<std::size_t>(kPosts));
  for (int i = 0; i < kPosts; ++i) EXPECT_EQ(task.order[static_cast<std::size_t>(i)], i);
}

TEST(PumpTest, WhatWasPostedBeforeTheStartIsRunThen) {
  Executor executor({.lanes = 1});
  std::latch done{1};
  Noting task;
  task.done = &done;
  executor.ClientPump().Post(task);
  EXPECT_EQ(task.runs, 0);
  executor.Start();
  done.wait();
  executor.DrainQueues();
}

TEST(PostBatchTest, KeepsWhatItsThreadPostsUntilItIsFlushed) {
  Lane one{0};
  Lane other{1};
  std::vector<int> ran;
  {
    PostBatch batch;
    EXPECT_EQ(PostBatch::Current(), &batch);
    one.Post([&] { ran.push_back(1); });
    other.Post([&] { ran.push_back(2); });
    one.Post([&] { ran.push_back(3); });
    EXPECT_EQ(one.io().poll() + other.io().poll(), 0u);
    batch.Flush();
    one.io().restart();
    EXPECT_EQ(one.io().poll(), 1u) << "one hand-over for both";
    EXPECT_EQ(ran, (std::vector{1, 3}));
    other.Post([&] { ran.push_back(4); });
  }
  EXPECT_EQ(PostBatch::Current(), nullptr);
  other.io().restart();
  other.io().poll();
  EXPECT_EQ(ran, (std::vector{1, 3, 2, 4})) << "also what was posted when it ended";
}

}  // namespace
}  // namespace mcpbridge

#include "server/runtime/executor.h"

#include <grpcpp/alarm.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <set>
#include <string>

#include "server/runtime/cq_tag.h"

namespace mcpbridge {
namespace {

// The names of this process's threads.
std::multiset<std::string> ThreadNames() {
  std::multiset<std::string> names;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream file(task.path() / "comm");
    std::string name;
    std::getline(file, name);
    names.insert(name);
  }
  return names;
}

TEST(ExecutorTest, StartsTheThreadsItSaysAndNoOthers) {
  std::thread([] {}).join();  // with the first thread a sanitizer starts one of its own
  const std::size_t before = ThreadNames().size();
  Executor executor({.lanes = 3});
  EXPECT_EQ(ThreadNames().size(), before);
  executor.Start();
  // A thread takes its name itself: a task on each lane has surely run behind that.
  for (int i = 0; i < 3; ++i) {
    const auto ran = std::make_shared<std::promise<void>>();
    executor.lane(i).Post([ran] { ran->set_value(); });
    ran->get_future().wait();
  }
  const auto names = ThreadNames();
  EXPECT_EQ(names.size(), before + 4);
  EXPECT_EQ(executor.thread_count(), 4);
  for (const char* name : {"lane/0", "lane/1", "lane/2"}) EXPECT_EQ(names.count(name), 1u) << name;
  executor.DrainQueues();
  executor.StopLanes();
  EXPECT_EQ(ThreadNames().size(), before);
}

TEST(ExecutorTest, ALaneKnowsItsThread) {
  Executor executor({.lanes = 2});
  executor.Start();
  const auto on = std::make_shared<std::promise<std::pair<bool, bool>>>();
  executor.lane(0).Post([&executor, on] {
    on->set_value({executor.lane(0).OnThisThread(), executor.lane(1).OnThisThread()});
  });
  EXPECT_EQ(on->get_future().get(), std::make_pair(true, false));
  EXPECT_FALSE(executor.lane(0).OnThisThread());
}

// A tag that tells when it has come back.
class TellingTag final : public CqTag {
 public:
  void* Start() {
    CqTag* tag = this;
    HandOverTag(tag);
    return tag;
  }
  void Complete(bool) override { back_.set_value(); }
  std::future<void> Back() { return back_.get_future(); }

 private:
  std::promise<void> back_;
};

TEST(ExecutorTest, TheQueueOfOurOwnRpcsIsOneAndIsServed) {
  Executor executor({.lanes = 1, .grpc_threads_per_queue = 2});
  Pump& pump = executor.ClientPump();
  EXPECT_EQ(&executor.ClientPump(), &pump);
  EXPECT_EQ(executor.thread_count(), 4);
  executor.Start();
  TellingTag tag;
  grpc::Alarm alarm;
  alarm.Set(&pump.queue(), std::chrono::system_clock::now(), tag.Start());
  EXPECT_EQ(tag.Back().wait_for(std::chrono::seconds(20)), std::future_status::ready);
  executor.DrainQueues();
  executor.StopLanes();
}

TEST(ExecutorTest, StoppedBeforeItWasStarted) {
  Executor executor({.lanes = 2});
  executor.lane(0).Post([] { FAIL() << "a stopped lane must run nothing"; });
  executor.DrainQueues();
  executor.StopLanes();
}

}  // namespace
}  // namespace mcpbridge

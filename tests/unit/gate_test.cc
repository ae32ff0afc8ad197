#include "server/runtime/gate.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace mcpbridge {
namespace {

TEST(GateTest, CountsUpToItsLimit) {
  Gate gate(2);
  EXPECT_EQ(gate.Enter(), Gate::Entry::kEntered);
  EXPECT_EQ(gate.Enter(), Gate::Entry::kEntered);
  EXPECT_EQ(gate.Enter(), Gate::Entry::kFull);
  EXPECT_EQ(gate.count(), 2u);
  gate.Leave();
  EXPECT_EQ(gate.Enter(), Gate::Entry::kEntered);
}

TEST(GateTest, ClosedItLetsNobodyInAndSaysWhenItIsEmpty) {
  Gate gate(10);
  ASSERT_EQ(gate.Enter(), Gate::Entry::kEntered);
  gate.Close();
  EXPECT_EQ(gate.Enter(), Gate::Entry::kClosed);
  EXPECT_FALSE(gate.WaitUntilEmpty(Deadline::After(std::chrono::milliseconds(1))));
  std::thread leaver([&] { gate.Leave(); });
  EXPECT_TRUE(gate.WaitUntilEmpty(Deadline::Never()));
  leaver.join();
}

TEST(GateTest, ManyThreadsEachLeaveOnce) {
  Gate gate(50);
  std::atomic<int> entered{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 5000; ++i) {
        if (gate.Enter() != Gate::Entry::kEntered) continue;
        entered.fetch_add(1);
        gate.Leave();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_GT(entered.load(), 0);
  EXPECT_EQ(gate.count(), 0u);
}

}  // namespace
}  // namespace mcpbridge

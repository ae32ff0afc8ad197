#include "server/runtime/deadline_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <random>
#include <vector>

namespace mcpbridge {
namespace {

using std::chrono::milliseconds;

struct Entry final : DeadlineEntry {
  std::function<void()> on_deadline;
  void OnDeadline() override { on_deadline(); }
};

TEST(DeadlineTest, SaturatesAndTakesTheEarlier) {
  EXPECT_TRUE(Deadline::After(Deadline::Clock::duration::max()).never());
  EXPECT_EQ(Deadline::Never().remaining(), Deadline::Clock::duration::max());
  const Deadline soon = Deadline::After(milliseconds(10));
  EXPECT_EQ(Min(Deadline::Never(), soon), soon);
  EXPECT_TRUE(Deadline(Deadline::Clock::now()).expired());
}

TEST(DeadlineQueueTest, FiresInOrderOfDeadlinesNotOfArming) {
  boost::asio::io_context io;
  DeadlineQueue queue(io);
  std::vector<int> order(200);
  for (int i = 0; i < 200; ++i) order[static_cast<std::size_t>(i)] = i;
  std::shuffle(order.begin(), order.end(), std::mt19937(1));
  const auto now = Deadline::Clock::now();
  std::vector<int> fired;
  std::vector<std::unique_ptr<Entry>> entries;
  for (const int i : order) {
    entries.push_back(std::make_unique<Entry>());
    entries.back()->on_deadline = [&fired, i] { fired.push_back(i); };
    queue.Arm(*entries.back(), Deadline(now + std::chrono::microseconds(100 * i)));
  }
  io.run();
  EXPECT_EQ(fired.size(), 200u);
  EXPECT_TRUE(std::is_sorted(fired.begin(), fired.end()));
  EXPECT_EQ(queue.size(), 0u);
}

TEST(DeadlineQueueTest, DisarmedAndDestroyedEntriesAreLeftAlone) {
  boost::asio::io_context io;
  DeadlineQueue queue(io);
  std::mt19937 random(7);
  const auto now = Deadline::Clock::now();
  int wrongly = 0;
  int rightly = 0;
  std::vector<std::unique_ptr<Entry>> entries;
  for (int i = 0; i < 300; ++i) {
    entries.push_back(std::make_unique<Entry>());
    queue.Arm(*entries.back(), Deadline(now + milliseconds(random() % 10)));
  }
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const bool keep = i % 3 == 0;
    entries[i]->on_deadline = [keep, &rightly, &wrongly] { keep ? ++rightly : ++wrongly; };
    if (i % 3 == 1) entries[i]->Disarm();
    if (i % 3 == 2) entries[i].reset();
  }
  EXPECT_EQ(queue.size(), 100u);
  io.run();
  EXPECT_EQ(rightly, 100);
  EXPECT_EQ(wrongly, 0);
}

TEST(DeadlineQueueTest, AnEntryMayDestroyAnotherAndItself) {
  boost::asio::io_context io;
  DeadlineQueue queue(io);
  auto first = std::make_unique<Entry>();
  auto second = std::make_unique<Entry>();
  bool second_fired = false;
  first->on_deadline = [&] {
    second.reset();
    first.reset();
  };
  second->on_deadline = [&] { second_fired = true; };
  const auto now = Deadline::Clock::now();
  queue.Arm(*first, Deadline(now));
  queue.Arm(*second, Deadline(now));
  io.run();
  EXPECT_EQ(first, nullptr);
  EXPECT_FALSE(second_fired);
}

TEST(DeadlineQueueTest, NeverArmsNothing) {
  boost::asio::io_context io;
  DeadlineQueue queue(io);
  Entry entry;
  queue.Arm(entry, Deadline::Never());
  EXPECT_FALSE(entry.armed());
  EXPECT_EQ(io.run(), 0u);
}

}  // namespace
}  // namespace mcpbridge

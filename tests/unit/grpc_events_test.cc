#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "server/frontend/grpc/call_events.h"
#include "server/frontend/grpc/event_queue.h"

namespace mcpbridge {
namespace {

v1::CallToolStreamResponse ProgressEvent(int progress, std::size_t bytes = 0) {
  v1::CallToolStreamResponse event;
  event.mutable_progress()->set_progress(progress);
  event.mutable_progress()->set_message(std::string(bytes, 'm'));
  return event;
}

v1::CallToolStreamResponse LogEvent(const std::string& logger, std::size_t bytes = 0) {
  v1::CallToolStreamResponse event;
  event.mutable_log_message()->set_logger(logger);
  event.mutable_log_message()->set_data_json(std::string(bytes, 'd'));
  return event;
}

// What is in `queue`: "p3" is progress 3, a log message is its logger; "!2" before one: dropped.
std::vector<std::string> Drain(EventQueue& queue) {
  std::vector<std::string> story;
  while (!queue.empty()) {
    const v1::CallToolStreamResponse event = queue.Pop();
    const std::string dropped = event.dropped() > 0 ? "!" + std::to_string(event.dropped()) : "";
    story.push_back(dropped + (event.has_progress()
                                   ? "p" + std::to_string(int(event.progress().progress()))
                                   : event.log_message().logger()));
  }
  return story;
}

using Story = std::vector<std::string>;
constexpr std::size_t kHalf = EventQueue::kMaxBytes / 2;

TEST(EventQueueTest, InOrder) {
  EventQueue queue;
  queue.Push(ProgressEvent(1));
  queue.Push(LogEvent("a"));
  queue.Push(ProgressEvent(2));
  EXPECT_EQ(Drain(queue), (Story{"p1", "a", "p2"}));
  EXPECT_EQ(queue.TakeDropped(), 0);
}

TEST(EventQueueTest, NewProgressTakesThePlaceOfTheLastThatWaits) {
  EventQueue queue;
  queue.Push(ProgressEvent(1));
  queue.Push(ProgressEvent(2, kHalf));
  queue.Push(LogEvent("a", kHalf - 4096));
  queue.Push(ProgressEvent(3, kHalf));
  queue.Push(ProgressEvent(4, kHalf));
  EXPECT_EQ(Drain(queue), (Story{"p1", "!1a", "!1p4"}));
  EXPECT_EQ(queue.TakeDropped(), 0);
}

TEST(EventQueueTest, WhatFindsNoRoomIsDroppedAndCounted) {
  EventQueue queue;
  queue.Push(LogEvent("a", kHalf));
  queue.Push(LogEvent("b", kHalf));
  queue.Push(ProgressEvent(1, kHalf));
  EXPECT_EQ(Drain(queue), (Story{"a"}));
  queue.Push(LogEvent("c"));
  queue.Push(LogEvent("d", 2 * kHalf));
  EXPECT_EQ(Drain(queue), (Story{"!2c"}));
  EXPECT_EQ(queue.TakeDropped(), 1);
  EXPECT_EQ(queue.TakeDropped(), 0);
}

TEST(EventQueueTest, AnEventOfAnySizeIsTakenIfNoneWaits) {
  EventQueue queue;
  queue.Push(LogEvent("large", 10 * kHalf));
  queue.Push(LogEvent("small"));
  EXPECT_EQ(Drain(queue), (Story{"large"}));
}

TEST(EventQueueTest, ItsMemoryIsBounded) {
  EventQueue queue;
  for (int i = 0; i < 100'000; ++i) queue.Push(i % 3 == 0 ? LogEvent("a") : ProgressEvent(i));
  std::size_t bytes = 0;
  int events = 0;
  for (; !queue.empty(); ++events) bytes += queue.Pop().SpaceUsedLong();
  EXPECT_LE(bytes, EventQueue::kMaxBytes);
  EXPECT_GT(events, 500);
}

TEST(CallEventsTest, Progress) {
  const auto event =
      EventOf("notifications/progress",
              R"({"progressToken":1,"progress":0.5,"total":2,"message":"half","_meta":{"a":1}})",
              v1::RESULT_FORMAT_TYPED);
  ASSERT_TRUE(event.has_progress());
  EXPECT_EQ(event.progress().progress(), 0.5);
  EXPECT_EQ(event.progress().total(), 2);
  EXPECT_EQ(event.progress().message(), "half");
  EXPECT_EQ(event.progress().meta().fields().at("a").number_value(), 1);
  const auto bare = EventOf("notifications/progress", R"({"progress":1})", v1::RESULT_FORMAT_TYPED);
  EXPECT_FALSE(bare.progress().has_total());
  EXPECT_FALSE(bare.progress().has_meta());
}

TEST(CallEventsTest, LogMessagesTypedOrExact) {
  const std::string params = R"({"level":"info","logger":"l","data": {"n": 9007199254740993} })";
  const auto typed = EventOf("notifications/message", params, v1::RESULT_FORMAT_TYPED);
  EXPECT_EQ(typed.log_message().level(), "info");
  EXPECT_EQ(typed.log_message().logger(), "l");
  EXPECT_TRUE(typed.log_message().data().has_struct_value());
  EXPECT_EQ(typed.log_message().data_json(), "");
  const auto exact = EventOf("notifications/message", params, v1::RESULT_FORMAT_JSON);
  EXPECT_EQ(exact.log_message().data_json(), R"({"n": 9007199254740993})");
  EXPECT_FALSE(exact.log_message().has_data());
  const auto text =
      EventOf("notifications/message", R"({"data":"x","level":"error"})", v1::RESULT_FORMAT_TYPED);
  EXPECT_EQ(text.log_message().data().string_value(), "x");
}

TEST(CallEventsTest, WhatIsNotTypedComesAsItIs) {
  for (const auto& [method, params] :
       {std::pair("notifications/other", R"({"a":1})"), std::pair("notifications/other", ""),
        std::pair("notifications/progress", R"({"progress":"1"})"),
        std::pair("notifications/progress", "{}"), std::pair("notifications/message", "[]")}) {
    const auto event = EventOf(method, params, v1::RESULT_FORMAT_TYPED);
    ASSERT_TRUE(event.has_notification()) << method << params;
    EXPECT_EQ(event.notification().method(), method);
    EXPECT_EQ(event.notification().params_json(), params);
  }
}

TEST(CallEventsTest, Levels) {
  EXPECT_TRUE(IsWanted("debug", ""));
  EXPECT_TRUE(IsWanted("error", "warning"));
  EXPECT_TRUE(IsWanted("warning", "warning"));
  EXPECT_FALSE(IsWanted("notice", "warning"));
  EXPECT_TRUE(IsWanted("its own", "emergency"));
}

}  // namespace
}  // namespace mcpbridge

#include "server/upstream/stdio_upstream.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "tests/unit/stdio_fixture.h"

namespace mcpbridge {
namespace {

using test::Gone;
using test::Numbered;
using test::Outcome;
using test::TestCall;

class StdioUpstreamTest : public test::StdioFixture {};

TEST_F(StdioUpstreamTest, OpensASessionAndAnswersOnBothLanes) {
  Start();
  EXPECT_EQ(upstream_->home(), &home());
  EXPECT_EQ(Send(home(), "echo", R"({"a":[1,2.50,"\u00e9"]})").Wait().result,
            R"({"a":[1,2.5,"\u00e9"]})");
  EXPECT_EQ(Send(other(), "echo", Numbered(2)).Wait().result, Numbered(2));
  EXPECT_EQ(Call("seen", R"({"method":"notifications/initialized"})"),
            R"([{"jsonrpc":"2.0","method":"notifications/initialized"}])");
  const UpstreamStatus status = status_.Snapshot().at("time");
  EXPECT_EQ(status.health, UpstreamHealth::kServing);
  EXPECT_EQ(status.protocol_version, "2025-11-25");
  EXPECT_EQ(status.server_name, "scripted");
  EXPECT_EQ(status.server_version, "1.2");
  const std::string pid = Call("pid");
  EXPECT_EQ(log_->WaitFor("session opened"),
            "upstream time: session opened, protocol 2025-11-25, pid " + pid);
  Stop("drain");
  EXPECT_EQ(log_->WaitFor("session closed"), "upstream time: session closed: drain");
  EXPECT_TRUE(Gone(std::stoi(pid)));
}

TEST_F(StdioUpstreamTest, EnvironmentHoldsNoSecretOfOurs) {
  ::setenv("MCPBRIDGE_TEST_SECRET", "s3cret", 1);
  config_.env = {{"KEY", "value"}};
  Start();
  const std::string env = Call("env");
  EXPECT_NE(env.find("\"KEY\":\"value\""), std::string::npos);
  EXPECT_NE(env.find("\"PATH\":"), std::string::npos);
  EXPECT_EQ(env.find("s3cret"), std::string::npos) << env;
}

TEST_F(StdioUpstreamTest, AHundredConcurrentCallsOutOfOrderGetTheirOwnAnswers) {
  Start();
  std::vector<TestCall> calls;
  for (int i = 0; i < 100; ++i) {
    calls.push_back(Send(i % 2 == 0 ? home() : other(), "hold", Numbered(i)));
  }
  // The held requests of the other lane are on their way behind this one's.
  Send(other(), "echo").Wait();
  Send(home(), "release").Wait();
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(calls[static_cast<std::size_t>(i)].Wait().result, Numbered(i));
  }
  EXPECT_EQ(upstream_->late_replies(), 0u);
}

TEST_F(StdioUpstreamTest, CancellingTellsTheServerOnceAndNobodyElseNotices) {
  Start();
  ASSERT_EQ(Call("echo"), "{}");
  std::vector<TestCall> calls;
  for (int i = 0; i < 40; ++i) {
    calls.push_back(Send(i % 2 == 0 ? home() : other(), "hold", Numbered(i)));
  }
  Send(other(), "echo").Wait();
  for (std::size_t i = 0; i < calls.size(); i += 4) {
    EXPECT_FALSE(calls[i].Cancel());
    EXPECT_FALSE(calls[i + 1].Cancel());
  }
  Send(other(), "echo").Wait();
  const std::string cancelled = Call("seen", R"({"method":"notifications/cancelled"})");
  const std::string held = Call("seen", R"({"method":"hold"})");
  int notifications = 0;
  for (std::size_t i = 0; i < calls.size(); ++i) {
    const std::size_t at = held.find("\"params\":" + Numbered(static_cast<int>(i)));
    const std::size_t id_at = held.rfind("\"id\":", at) + 5;
    const std::string id = held.substr(id_at, held.find(',', id_at) - id_at);
    const std::string told = "\"requestId\":" + id + ",";
    const std::size_t first = cancelled.find(told);
    EXPECT_EQ(first != std::string::npos, i % 4 < 2) << i;
    if (first == std::string::npos) continue;
    ++notifications;
    EXPECT_EQ(cancelled.find(told, first + 1), std::string::npos) << "twice: " << i;
  }
  EXPECT_EQ(notifications, 20);

  Call("release");  // the server answers the cancelled ones as well
  for (std::size_t i = 0; i < calls.size(); ++i) {
    if (i % 4 < 2) continue;
    EXPECT_EQ(calls[i].Wait().result, Numbered(static_cast<int>(i)));
  }
  EXPECT_EQ(upstream_->late_replies(), 20u);
  EXPECT_EQ(healths_, std::vector<bool>{true});
}

TEST_F(StdioUpstreamTest, WhatTheServerHasNotSeenIsTakenBackInSilence) {
  limits_.queued_bytes = 500'000;
  Start();
  const pid_t pid = std::stoi(Call("pid"));
  ASSERT_EQ(::kill(pid, SIGSTOP), 0);
  // More than a pipe holds: the first is half written, the second can't have been.
  const std::string large(300'000, 'a');
  TestCall begun = Send(home(), "hold", "{\"text\":\"" + large + "\"}");
  TestCall queued = Send(home(), "hold", Numbered(1));
  TestCall stays = Send(home(), "echo", "{\"text\":\"" + large + "\"}");
  const Outcome refused = Send(home(), "echo", "{\"text\":\"" + large + "\"}").Wait();
  ASSERT_TRUE(refused.error.has_value());
  EXPECT_EQ(refused.error->reason, Reason::kOverloaded);
  EXPECT_FALSE(begun.Cancel());
  EXPECT_FALSE(queued.Cancel());
  ASSERT_EQ(::kill(pid, SIGCONT), 0);
  EXPECT_EQ(stays.Wait().result.size(), large.size() + 11);
  EXPECT_EQ(Call("seen", R"({"method":"hold"})").find(Numbered(1)), std::string::npos);
  const std::string cancelled = Call("seen", R"({"method":"notifications/cancelled"})");
  const std::size_t first = cancelled.find("requestId");
  ASSERT_NE(first, std::string::npos);
  EXPECT_EQ(cancelled.find("requestId", first + 1), std::string::npos) << cancelled;
}

TEST_F(StdioUpstreamTest, LargeMessagesPassBothWays) {
  Start();
  EXPECT_EQ(Send(other(), "huge", R"({"size":3000000})").Wait().result.size(), 3'000'002u);
  const std::string params = "{\"text\":\"" + std::string(3'000'000, 'a') + "\"}";
  EXPECT_EQ(Call("echo", params), params);
}

TEST_F(StdioUpstreamTest, TooMuchQueuedIsRefusedAtOnce) {
  limits_.queued_bytes = 1000;
  Start("hang");
  TestCall waits = Send(home(), "echo", Numbered(1));
  const Outcome refused =
      Send(home(), "echo", "{\"text\":\"" + std::string(1000, 'a') + "\"}").Wait();
  ASSERT_TRUE(refused.error.has_value());
  EXPECT_EQ(refused.error->reason, Reason::kOverloaded);
  EXPECT_FALSE(waits.Cancel());
}

TEST_F(StdioUpstreamTest, LineEndsInParamsAreOneFrame) {
  Start();
  const std::string line = Call("line", "{\r\n\"a\":\n1}");
  EXPECT_NE(line.find(R"(\"params\":{  \"a\": 1}})"), std::string::npos) << line;
}

TEST_F(StdioUpstreamTest, GarbageIsLoggedAndSkipped) {
  Start();
  EXPECT_EQ(Call("stdout", R"({"text":"Listening on \u001b[1mstdio\n\n[]\n"})"), "{}");
  EXPECT_NE(log_->WaitFor("stdout: not a message").find("stdout: not a message"),
            std::string::npos);
  EXPECT_NE(log_->WaitFor("Listening on \\x1b[1mstdio"), "");
  EXPECT_EQ(Call("stderr", R"({"text":"one\ntwo\u0007\n"})"), "{}");
  EXPECT_EQ(log_->WaitFor("two"), "upstream time stderr: two\\x07");
}

TEST_F(StdioUpstreamTest, AnAnswerThatIsNoneEndsItsCallOnly) {
  Start();
  const Outcome outcome = Send(other(), "invalid").Wait();
  ASSERT_TRUE(outcome.error.has_value());
  EXPECT_EQ(outcome.error->reason, Reason::kUpstreamProtocol);
  EXPECT_EQ(Call("echo"), "{}");
}

TEST_F(StdioUpstreamTest, AnswersTheServersOwnRequests) {
  Start();
  const std::string replies = Call("ask");
  EXPECT_NE(replies.find(R"({"jsonrpc":"2.0","id":"p","result":{}})"), std::string::npos)
      << replies;
  EXPECT_NE(replies.find(R"("id":1,"error":{"code":-32601)"), std::string::npos) << replies;
}

TEST_F(StdioUpstreamTest, TellsWhenToolsHaveChanged) {
  Start();
  ASSERT_TRUE(WaitUntil([this] { return tools_changed_ == 1; }));
  EXPECT_EQ(Call("changed"), "{}");
  EXPECT_TRUE(WaitUntil([this] { return tools_changed_ == 2; }));
}

// The isolation property: whoever leaves at random moments, everybody else gets their own answer
// and the session stays.
TEST_F(StdioUpstreamTest, CancellingAtRandomNeverDisturbsOthers) {
  Start();
  std::minstd_rand random(4711);
  for (int round = 0; round < 20; ++round) {
    std::vector<TestCall> calls;
    std::vector<bool> left;
    for (int i = 0; i < 50; ++i) {
      calls.push_back(Send(random() % 2 == 0 ? home() : other(), "echo", Numbered(i)));
      const std::size_t any = random() % calls.size();
      left.push_back(false);
      if (random() % 3 == 0 && !calls[any].Cancel()) left[any] = true;
    }
    for (int i = 0; i < 50; ++i) {
      const auto at = static_cast<std::size_t>(i);
      if (left[at]) continue;
      EXPECT_EQ(calls[at].Wait().result, Numbered(i));
    }
  }
  EXPECT_EQ(healths_, std::vector<bool>{true});
}

}  // namespace
}  // namespace mcpbridge

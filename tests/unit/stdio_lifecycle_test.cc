#include "server/upstream/stdio_upstream.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <string>
#include <vector>

#include "tests/unit/stdio_fixture.h"

namespace mcpbridge {
namespace {

using test::Gone;
using test::Numbered;
using test::Outcome;
using test::TestCall;

class StdioLifecycleTest : public test::StdioFixture {};

std::string Fact(const Error& error, const std::string& name) {
  for (const auto& [key, value] : error.metadata) {
    if (key == name) return value;
  }
  return {};
}

TEST_F(StdioLifecycleTest, CallsOfACrashedServerFailAtOnceAndItComesBack) {
  Start();
  TestCall first = Send(home(), "hold", Numbered(1));
  TestCall second = Send(other(), "hold", Numbered(2));
  Send(other(), "echo").Wait();
  TestCall crash = Send(home(), "exit", R"({"code":3})");
  for (TestCall* call : {&first, &second, &crash}) {
    const Outcome outcome = call->Wait();
    ASSERT_TRUE(outcome.error.has_value());
    EXPECT_EQ(outcome.error->reason, Reason::kUpstreamLost);
    EXPECT_EQ(outcome.error->message, "server \"time\" ended: exit status 3");
    EXPECT_EQ(Fact(*outcome.error, "server"), "time");
    EXPECT_EQ(Fact(*outcome.error, "exit"), "exit status 3");
    EXPECT_FALSE(outcome.error->retry_after.has_value());
  }
  EXPECT_EQ(log_->WaitFor("session closed"), "upstream time: session closed: ended: exit status 3");
  ASSERT_TRUE(WaitUntilServed(2));
  EXPECT_EQ(Call("echo", Numbered(3)), Numbered(3));
  EXPECT_EQ(healths_, (std::vector<bool>{true, false, true}));
  EXPECT_EQ(tools_changed_, 2);
}

TEST_F(StdioLifecycleTest, WhileBackingOffCallsFailAtOnce) {
  Start("crash");
  const Outcome waited = Send(home(), "echo").Wait();
  ASSERT_TRUE(waited.error.has_value());
  EXPECT_EQ(waited.error->message,
            "server \"time\" ended before answering initialize: exit status 5");
  EXPECT_EQ(log_->WaitFor(" stderr: "), "upstream time stderr: no licence");
  const UpstreamStatus status = status_.Snapshot().at("time");
  EXPECT_EQ(status.health, UpstreamHealth::kNotServing);
  EXPECT_EQ(status.last_error, "ended before answering initialize: exit status 5");

  // Several failures on, it backs off for longer than a call takes.
  ASSERT_NE(log_->WaitFor("next start in"), "");
  Outcome refused;
  do {
    refused = Send(other(), "echo").Wait();
    ASSERT_TRUE(refused.error.has_value());
    EXPECT_EQ(refused.error->reason, Reason::kUpstreamUnavailable);
  } while (!refused.error->retry_after.has_value());
  EXPECT_LE(*refused.error->retry_after, std::chrono::seconds(10));
}

TEST_F(StdioLifecycleTest, ProgramThatCannotStartIsReported) {
  config_.command = "/no/such/program";
  Start();
  const Outcome outcome = Send(home(), "echo").Wait();
  ASSERT_TRUE(outcome.error.has_value());
  EXPECT_EQ(outcome.error->reason, Reason::kUpstreamUnavailable);
  EXPECT_NE(outcome.error->message.find("No such file or directory"), std::string::npos);
}

TEST_F(StdioLifecycleTest, RefusedAndUnknownHandshakesAreReported) {
  Start("refuse");
  EXPECT_NE(Send(home(), "echo").Wait().error->message.find("refused initialize: not today"),
            std::string::npos);
  upstream_.reset();
  Start("future");
  EXPECT_NE(Send(home(), "echo").Wait().error->message.find("gave no valid answer to initialize: "),
            std::string::npos);
}

TEST_F(StdioLifecycleTest, AHangingHandshakeEndsByItsOwnLimit) {
  limits_.handshake = std::chrono::milliseconds(300);
  Start("hang");
  const Outcome outcome = Send(other(), "echo").Wait();
  ASSERT_TRUE(outcome.error.has_value());
  EXPECT_EQ(outcome.error->reason, Reason::kUpstreamUnavailable);
  EXPECT_EQ(outcome.error->message, "server \"time\" did not answer initialize within 300 ms");
  EXPECT_TRUE(outcome.error->retry_after.has_value());
}

TEST_F(StdioLifecycleTest, ACallerMayLeaveAHangingHandshake) {
  Start("hang");
  TestCall home_call = Send(home(), "echo");
  TestCall other_call = Send(other(), "echo");
  EXPECT_FALSE(home_call.Cancel());
  EXPECT_FALSE(other_call.Cancel());
  Stop();
}

TEST_F(StdioLifecycleTest, AMessageBeyondTheLimitEndsItsOwnCallOnly) {
  limits_.response_bytes = 100'000;
  Start();
  EXPECT_EQ(Call("huge", R"({"size":99000})").size(), 99'002u);
  TestCall bystander = Send(other(), "hold");
  Send(other(), "echo").Wait();
  const std::string pid = Call("pid");
  const Outcome huge = Send(home(), "huge", R"({"size":5000000})").Wait();
  ASSERT_TRUE(huge.error.has_value());
  EXPECT_EQ(huge.error->reason, Reason::kResponseTooLarge);
  EXPECT_EQ(Call("pid"), pid);
  EXPECT_FALSE(bystander.Cancel());
}

TEST_F(StdioLifecycleTest, AServerThatClosesItsOutputIsEnded) {
  Start();
  const Outcome outcome = Send(home(), "close").Wait();
  ASSERT_TRUE(outcome.error.has_value());
  EXPECT_EQ(Fact(*outcome.error, "exit"), "signal 9 (Killed)");
  EXPECT_TRUE(WaitUntilServed(2));
}

TEST_F(StdioLifecycleTest, StopLeavesNoProcess) {
  Start("stubborn");
  const pid_t leader = std::stoi(Call("pid"));
  const pid_t grandchild = std::stoi(Call("grandchild"));
  Stop();
  EXPECT_TRUE(Gone(leader));
  EXPECT_TRUE(Gone(grandchild));
  const Outcome late = Send(home(), "echo").Wait();
  ASSERT_TRUE(late.error.has_value());
  EXPECT_EQ(late.error->reason, Reason::kShuttingDown);
  Stop();  // again: at once
}

TEST_F(StdioLifecycleTest, StopWhileNothingRuns) {
  Start("crash");
  ASSERT_NE(log_->WaitFor("next start in"), "");
  Stop();
}

TEST_F(StdioLifecycleTest, DestructorLeavesNoProcess) {
  Start("stubborn");
  pid_t leader = std::stoi(Call("pid"));
  pid_t grandchild = std::stoi(Call("grandchild"));
  upstream_.reset();
  EXPECT_TRUE(Gone(leader));
  EXPECT_TRUE(Gone(grandchild));

  Start("stubborn");
  leader = std::stoi(Call("pid"));
  grandchild = std::stoi(Call("grandchild"));
  executor_.StopLanes();
  upstream_.reset();
  EXPECT_TRUE(Gone(leader));
  EXPECT_TRUE(Gone(grandchild));
}

TEST_F(StdioLifecycleTest, ACrashLeavesNoGrandchild) {
  Start();
  const pid_t grandchild = std::stoi(Call("grandchild"));
  EXPECT_TRUE(Send(home(), "exit", R"({"code":0})").Wait().error.has_value());
  EXPECT_TRUE(Gone(grandchild));
}

TEST_F(StdioLifecycleTest, StopEndsItsInputFirst) {
  limits_.stop_step = test::kPatience;
  Start();
  ASSERT_EQ(Call("echo"), "{}");
  Stop();
  EXPECT_EQ(log_->WaitFor("end of input"), "upstream time stderr: end of input");
}

TEST_F(StdioLifecycleTest, WhatLeftTheGroupDoesNotHoldTheEndUp) {
  Start();
  const pid_t detached = std::stoi(Call("detached"));
  const Outcome outcome = Send(home(), "exit", R"({"code":4})").Wait();
  EXPECT_EQ(::kill(detached, SIGKILL), 0);
  ASSERT_TRUE(outcome.error.has_value());
  EXPECT_EQ(Fact(*outcome.error, "exit"), "exit status 4");
}

TEST_F(StdioLifecycleTest, BacksOffFurtherUnlessASessionHasLasted) {
  const auto crash_and_wait = [this](int served) {
    EXPECT_TRUE(Send(home(), "exit", R"({"code":1})").Wait().error.has_value());
    EXPECT_TRUE(WaitUntilServed(served));
    const std::string line = log_->WaitFor("next start in ");
    return std::stoi(line.substr(line.find("next start in ") + 14));
  };
  Start();
  ASSERT_TRUE(WaitUntilServed(1));
  EXPECT_LE(crash_and_wait(2), 100);
  EXPECT_GE(crash_and_wait(3), 160);
  EXPECT_GE(crash_and_wait(4), 320);
  upstream_.reset();

  limits_.sound_after = std::chrono::milliseconds(0);
  Start();
  ASSERT_EQ(Call("echo"), "{}");
  EXPECT_LE(crash_and_wait(5), 100);
  EXPECT_LE(crash_and_wait(6), 100);
}

}  // namespace
}  // namespace mcpbridge

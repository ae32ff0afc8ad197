#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "mcpbridge/client.h"
#include "mcpbridge/retries.h"
#include "server/base/error.h"
#include "tests/unit/fake_bridge.h"

namespace mcpbridge::client {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr RetryPolicy kQuick{.attempts = 3, .first_wait = 1ms, .longest_wait = 10ms};

CallError ErrorWith(std::string reason, std::optional<milliseconds> retry_after = {}) {
  return {
      .code = StatusCode::kUnavailable, .reason = std::move(reason), .retry_after = retry_after};
}

// What a bridge fails with.
grpc::Status Failure(const std::string& reason, const std::string& domain = "mcpbridge") {
  google::rpc::ErrorInfo info;
  info.set_reason(reason);
  info.set_domain(domain);
  google::rpc::Status status;
  status.add_details()->PackFrom(info);
  return {grpc::StatusCode::UNAVAILABLE, reason, status.SerializeAsString()};
}

TEST(Retries, AreForTheReasonsWhoseRowSaysSo) {
  int retryable = 0;
  for (const auto reason : AllReasons()) {
    const auto& row = InfoOf(reason);
    EXPECT_EQ(IsRetryable(ErrorWith(std::string(row.name))), row.retryable) << row.name;
    retryable += row.retryable ? 1 : 0;
  }
  EXPECT_EQ(retryable, 3);
  EXPECT_FALSE(IsRetryable(ErrorWith("")));
  EXPECT_FALSE(IsRetryable(ErrorWith("", 1s)));
}

TEST(Retries, AreOffUnlessAskedFor) {
  EXPECT_EQ(Retries({}).WaitAfter(ErrorWith("OVERLOADED")), std::nullopt);
}

TEST(Retries, WaitTwiceAsLongEachTimeUpToTheLongest) {
  Retries retries({.attempts = 6, .first_wait = 100ms, .longest_wait = 500ms});
  for (const auto least : {100ms, 200ms, 400ms, 500ms, 500ms}) {
    const auto wait = retries.WaitAfter(ErrorWith("OVERLOADED"));
    ASSERT_TRUE(wait.has_value());
    EXPECT_GE(*wait, least);
    EXPECT_LE(*wait, least * 3 / 2);
  }
  EXPECT_EQ(retries.WaitAfter(ErrorWith("OVERLOADED")), std::nullopt);
}

TEST(Retries, AreSpreadByARandomPart) {
  std::vector<milliseconds> waits;
  for (int i = 0; i < 50; ++i) {
    Retries retries({.attempts = 2, .first_wait = 1000ms});
    waits.push_back(retries.WaitAfter(ErrorWith("OVERLOADED")).value());
  }
  EXPECT_NE(*std::min_element(waits.begin(), waits.end()),
            *std::max_element(waits.begin(), waits.end()));
}

TEST(Retries, WaitAtLeastAsLongAsTheBridgeAsksFor) {
  Retries retries({.attempts = 3, .first_wait = 1ms, .longest_wait = 2s});
  const auto wait = retries.WaitAfter(ErrorWith("UPSTREAM_UNAVAILABLE", 1500ms));
  ASSERT_TRUE(wait.has_value());
  EXPECT_GE(*wait, 1500ms);
  EXPECT_EQ(retries.WaitAfter(ErrorWith("UPSTREAM_UNAVAILABLE", 2001ms)), std::nullopt);
}

TEST(Retries, NeverWaitPastTheDeadline) {
  Retries retries({.attempts = 9, .first_wait = 1h, .longest_wait = 1h},
                  steady_clock::now() + 59min);
  EXPECT_EQ(retries.WaitAfter(ErrorWith("OVERLOADED")), std::nullopt);
}

TEST(Client, CallsAgainWhereNothingWasExecuted) {
  FakeBridge bridge;
  int calls = 0;
  bridge.on_call = [&](auto&, const auto&, auto&) {
    return ++calls < 3 ? Failure("UPSTREAM_UNAVAILABLE") : grpc::Status::OK;
  };
  int lists = 0;
  bridge.on_list = [&](auto&, const auto&, auto&) {
    return ++lists < 2 ? Failure("OVERLOADED") : grpc::Status::OK;
  };
  int streams = 0;
  bridge.on_stream = [&](auto&, const auto&, auto& writer) {
    if (++streams < 2) return Failure("SHUTTING_DOWN");
    v1::CallToolStreamResponse event;
    event.mutable_result();
    writer.Write(event);
    return grpc::Status::OK;
  };
  Client client(bridge.address(), {.retries = kQuick});
  EXPECT_TRUE(client.CallTool({.tool = "t"}).ok());
  EXPECT_EQ(calls, 3);
  EXPECT_TRUE(client.ListTools().ok());
  EXPECT_EQ(lists, 2);
  EXPECT_TRUE(client.CallToolStream({.tool = "t"}, {}).ok());
  EXPECT_EQ(streams, 2);
}

TEST(Client, GivesTheLastErrorAfterEnoughCalls) {
  FakeBridge bridge;
  int calls = 0;
  bridge.on_call = [&](auto&, const auto&, auto&) {
    ++calls;
    return Failure("OVERLOADED");
  };
  Client client(bridge.address(), {.retries = kQuick});
  EXPECT_EQ(client.CallTool({.tool = "t"}).error().reason, "OVERLOADED");
  EXPECT_EQ(calls, 3);
}

TEST(Client, DoesNotCallAgainWhatMayHaveRun) {
  FakeBridge bridge;
  int calls = 0;
  grpc::Status failure;
  bridge.on_call = [&](auto&, const auto&, auto&) {
    ++calls;
    return failure;
  };
  Client client(bridge.address(), {.retries = kQuick});
  const auto calls_with = [&](const grpc::Status& status) {
    failure = status;
    calls = 0;
    EXPECT_FALSE(client.CallTool({.tool = "t"}).ok());
    return calls;
  };
  EXPECT_EQ(calls_with(Failure("UPSTREAM_LOST")), 1);
  EXPECT_EQ(calls_with(Failure("DEADLINE_EXCEEDED")), 1);
  EXPECT_EQ(calls_with(Failure("OVERLOADED", "elsewhere.example")), 1);
  EXPECT_EQ(calls_with({grpc::StatusCode::UNAVAILABLE, "no reason given"}), 1);
  Client by_default(bridge.address());
  failure = Failure("OVERLOADED");
  calls = 0;
  EXPECT_FALSE(by_default.CallTool({.tool = "t"}).ok());
  EXPECT_EQ(calls, 1);
}

TEST(Client, DoesNotCallAgainAStreamThatHasTold) {
  FakeBridge bridge;
  int streams = 0;
  bridge.on_stream = [&](auto&, const auto&, auto& writer) {
    ++streams;
    v1::CallToolStreamResponse event;
    event.mutable_progress();
    writer.Write(event);
    return Failure("OVERLOADED");
  };
  Client client(bridge.address(), {.retries = kQuick});
  int told = 0;
  const auto result =
      client.CallToolStream({.tool = "t"}, {.on_progress = [&](const Progress&) { ++told; }});
  EXPECT_EQ(result.error().reason, "OVERLOADED");
  EXPECT_EQ(told, 1);
  EXPECT_EQ(streams, 1);
}

TEST(Client, WhatIsStartedIsOneAttempt) {
  FakeBridge bridge;
  int calls = 0;
  bridge.on_call = [&](auto&, const auto&, auto&) {
    ++calls;
    return Failure("OVERLOADED");
  };
  Client client(bridge.address(), {.retries = kQuick});
  EXPECT_EQ(client.StartCallTool({.tool = "t"}).Wait().error().reason, "OVERLOADED");
  EXPECT_EQ(calls, 1);
}

TEST(Client, FailsAtOnceWhereTheWaitWouldPassTheDeadline) {
  FakeBridge bridge;
  bridge.on_call = [](auto&, const auto&, auto&) { return Failure("OVERLOADED"); };
  Client client(bridge.address(),
                {.retries = {.attempts = 5, .first_wait = 1h, .longest_wait = 1h}});
  const auto start = steady_clock::now();
  EXPECT_EQ(client.CallTool({.tool = "t"}, {.timeout = 10min}).error().reason, "OVERLOADED");
  EXPECT_LT(steady_clock::now() - start, 1min);
}

}  // namespace
}  // namespace mcpbridge::client

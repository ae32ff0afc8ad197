// A bridge behind a bridge.

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>

#include "tests/fakes/fake_google_server.h"
#include "tests/fakes/fake_mcp_server.h"
#include "tests/fakes/test_http.h"
#include "tests/integration/bridge_fixture.h"
#include "tests/integration/grpc_test_call.h"

namespace mcpbridge::test {
namespace {

using std::chrono::milliseconds;

TEST(ChainedBridgesTest, ACallGoesThroughBothAndItsDeadlineIsInherited) {
  FakeGoogleServer server;
  Bridge inner(GrpcConfig(server.url()));
  ASSERT_TRUE(inner.WaitForTools("g"));
  Bridge outer(GrpcConfig("grpc://" + inner.grpc_address()));
  ASSERT_TRUE(outer.WaitForTools("g"));
  TestCall call(outer, "echo", "hi", milliseconds(20'000));
  const grpc::Status status = call.Run();
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(call.Text(), "hi");
  // gRPC rounds a deadline up for the wire, by 1 % at most, at each of the three hops.
  EXPECT_LE(server.Calls()[0].deadline.count(), 20'600) << "begun anew it would be 60 s";

  TestCall late(outer, "held", "late", milliseconds(2'000));
  EXPECT_EQ(late.Run().error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  ASSERT_TRUE(server.WaitForCancels(1));
  EXPECT_LE(server.Calls()[1].deadline.count(), 2'060);

  TestCall left(outer, "held", "left");
  left.Start();
  ASSERT_TRUE(server.WaitForCalls(3));
  left.context().TryCancel();
  left.Wait();
  EXPECT_TRUE(server.WaitForCancels(2));
}

TEST(ChainedBridgesTest, AServerOverHttpIsReachedAndToldOfACancellationOnce) {
  FakeMcpServer server;
  FakeAnswer held;
  held.hold = true;
  server.OnTool("slow", held);
  Bridge inner(ConfigWith({{"fake", server.url()}}));
  ASSERT_TRUE(inner.WaitForTools("fake"));
  Bridge outer(GrpcConfig("grpc://" + inner.grpc_address()));
  ASSERT_TRUE(outer.WaitForTools("g"));
  const TestResponse echo = TestHttpClient(outer.http_port()).Post(CallMessage("1", "echo", "hi"));
  EXPECT_TRUE(Has(echo.body, "hi")) << echo.body;

  TestCall call(outer, "slow", "x");
  call.Start();
  ASSERT_TRUE(server.WaitFor(
      [](const FakeMcpServer::Record& record) { return record.CountCalls("slow") == 1; },
      kPatience));
  call.context().TryCancel();
  call.Wait();
  EXPECT_TRUE(server.WaitFor(
      [](const FakeMcpServer::Record& record) { return !record.cancels.empty(); }, kPatience));
  TestCall other(outer, "echo", "still");
  EXPECT_TRUE(other.Run().ok());
  EXPECT_EQ(server.Snapshot().cancels.size(), 1u);
  EXPECT_EQ(server.Snapshot().sessions_opened, 1);
}

TEST(ChainedBridgesTest, WhatTheInnerBridgeSaysOfAFailureStays) {
  FakeMcpServer server;
  FakeAnswer error;
  error.error = R"({"code":-32042,"message":"no","data":{"a":1}})";
  server.OnTool("echo", error);
  Bridge inner(ConfigWith({{"fake", server.url()}}));
  ASSERT_TRUE(inner.WaitForTools("fake"));
  Bridge outer(GrpcConfig("grpc://" + inner.grpc_address()));
  ASSERT_TRUE(outer.WaitForTools("g"));
  const TestResponse own = TestHttpClient(outer.http_port()).Post(CallMessage("1", "echo", "hi"));
  EXPECT_TRUE(Has(own.body, R"("error":{"code":-32042,"message":"no","data":{"a":1}})"))
      << own.body;
  server.StopListening();
  server.CloseConnections();
  const grpc::Status gone = TestCall(outer, "slow", "x").Run();
  EXPECT_EQ(ReasonOf(gone), "UPSTREAM_UNAVAILABLE") << gone.error_message();
}

TEST(ChainedBridgesTest, AnOlderServersQuestionReachesTheCallerThroughBoth) {
  FakeMcpServer server;
  FakeAnswer asks;
  asks.form = FakeAnswer::Form::kSse;
  asks.before = {
      R"({"jsonrpc":"2.0","id":"q1","method":"elicitation/create","params":{"message":"Who?",)"
      R"("requestedSchema":{"type":"object","properties":{"who":{"type":"string"}}}}})"};
  asks.hold = true;
  server.OnTool("echo", asks);
  Bridge inner(ConfigWith({{"fake", server.url()}}));
  ASSERT_TRUE(inner.WaitForTools("fake"));
  Bridge outer(GrpcConfig("grpc://" + inner.grpc_address()));
  ASSERT_TRUE(outer.WaitForTools("g"));
  TestCall first(outer, "echo", "hi");
  auto& capabilities = *first.request().mutable_client_capabilities();
  (*capabilities.mutable_fields())["elicitation"].mutable_struct_value();
  const grpc::Status asked = first.Run();
  ASSERT_TRUE(asked.ok()) << asked.error_message();
  ASSERT_TRUE(first.response().input_required());
  const auto& questions = first.response().input_requests();
  ASSERT_EQ(questions.size(), 1u);
  EXPECT_EQ(questions.begin()->second.params().fields().at("message").string_value(), "Who?");

  TestCall second(outer, "echo", "hi");
  *second.request().mutable_client_capabilities() = capabilities;
  second.request().set_request_state(first.response().request_state());
  (*second.request().mutable_input_responses())[questions.begin()->first].set_result_json(
      R"({"action":"accept","content":{"who":"me"}})");
  second.Start();
  ASSERT_TRUE(server.WaitFor(
      [](const FakeMcpServer::Record& record) {
        return std::ranges::any_of(record.requests, [](const FakeRequest& request) {
          return Has(request.body, R"("who":"me")");
        });
      },
      kPatience));
  EXPECT_EQ(server.ReleaseAll(), 1u);
  const grpc::Status done = second.Wait();
  EXPECT_TRUE(done.ok()) << done.error_message();
  EXPECT_EQ(second.Text(), "hi");
}

}  // namespace
}  // namespace mcpbridge::test

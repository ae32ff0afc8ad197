// Batches, which MCP 2025-03-26 alone has.

#include <gtest/gtest.h>

#include <string>

#include "tests/fakes/fake_mcp_server.h"
#include "tests/fakes/test_http.h"
#include "tests/integration/bridge_fixture.h"

namespace mcpbridge::test {
namespace {

using Headers = TestHttpClient::Headers;

constexpr char kPing[] = R"({"jsonrpc":"2.0","id":"p","method":"ping"})";
constexpr char kPong[] = R"({"jsonrpc":"2.0","id":"p","result":{}})";
constexpr char kNote[] = R"({"jsonrpc":"2.0","method":"notifications/initialized"})";
constexpr char kAnswer[] = R"({"jsonrpc":"2.0","id":1,"result":{}})";

std::string Batch(const std::vector<std::string>& messages) {
  std::string body = "[";
  for (const std::string& message : messages) {
    if (body.size() > 1) body += ", ";
    body += message;
  }
  return body + "]";
}

class BatchTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(bridge_.WaitForTools("fake")); }

  TestResponse Post(const std::string& body, const Headers& headers = {}) {
    return TestHttpClient(bridge_.http_port()).Post(body, headers);
  }
  // The headers of a new session of that version.
  Headers Open(const std::string& version) {
    const TestResponse opened =
        Post(R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":")" +
             version + R"(","capabilities":{},"clientInfo":{"name":"t","version":"1"}}})");
    return {{"mcp-session-id", opened.headers.at("mcp-session-id")}};
  }
  static bool Has(const TestResponse& response, const std::string& text) {
    return response.body.find(text) != std::string::npos;
  }

  FakeMcpServer upstream_;
  Bridge bridge_{ConfigWith({{"fake", upstream_.url()}})};
};

TEST_F(BatchTest, EachRequestHasItsAnswerInOneArray) {
  const TestResponse response =
      Post(Batch({kPing, kNote, CallMessage("1", "echo", "one"), kAnswer,
                  CallMessage("\"2\"", "no_such", "x"), R"({"jsonrpc":"2.0","id":3})", "7"}));
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.headers.at("content-type"), "application/json");
  EXPECT_EQ(response.body.front(), '[');
  EXPECT_EQ(response.body.back(), ']');
  EXPECT_TRUE(Has(response, kPong));
  EXPECT_TRUE(Has(response, R"({"jsonrpc":"2.0","id":1,"result":)"));
  EXPECT_TRUE(Has(response, R"({"jsonrpc":"2.0","id":"2","error":{"code":-32602)")) << "its own";
  EXPECT_TRUE(Has(response, R"({"jsonrpc":"2.0","id":3,"error":{"code":-32600)"));
  std::size_t answers = 0;
  for (std::size_t at = 0; (at = response.body.find("\"jsonrpc\"", at)) != std::string::npos; ++at)
    ++answers;
  EXPECT_EQ(answers, 5u) << response.body;
}

TEST_F(BatchTest, WithNothingToAnswerItIsAccepted) {
  const TestResponse response = Post(Batch({kNote, kAnswer}));
  EXPECT_EQ(response.status, 202);
  EXPECT_EQ(response.body, "");
}

TEST_F(BatchTest, OnlyTheVersionThatHasThem) {
  const std::string body = Batch({kPing});
  const auto reason = [&](const Headers& headers) {
    const TestResponse response = Post(body, headers);
    EXPECT_EQ(response.status == 200, ReasonOf(response.body).empty());
    return ReasonOf(response.body);
  };
  EXPECT_EQ(reason({}), "") << "who names no version is taken to speak it";
  EXPECT_EQ(reason({{"MCP-Protocol-Version", "2025-03-26"}}), "");
  for (const char* other : {"2024-11-05", "2025-06-18", "2025-11-25", "2026-07-28", "x"}) {
    EXPECT_EQ(reason({{"MCP-Protocol-Version", other}}), "INVALID_REQUEST") << other;
  }
  EXPECT_EQ(reason(Open("2025-03-26")), "");
  EXPECT_EQ(reason(Open("2025-06-18")), "INVALID_REQUEST");
  EXPECT_EQ(reason({{"mcp-session-id", "none"}}), "SESSION_NOT_FOUND");
}

TEST_F(BatchTest, WhatMakesTheWholeOfItBad) {
  const std::string initialize =
      R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-03-26","capabilities":{}}})";
  for (const std::string& bad :
       {Batch({}), Batch({kPing, initialize}), Batch(std::vector<std::string>(65, kPing))}) {
    const TestResponse response = Post(bad);
    EXPECT_EQ(response.status, 400);
    EXPECT_TRUE(Has(response, R"({"jsonrpc":"2.0","error":{"code":-32600)")) << response.body;
  }
  EXPECT_EQ(ReasonOf(Post("[" + std::string(kPing)).body), "INVALID_JSON");
  EXPECT_EQ(Post(Batch(std::vector<std::string>(64, kPing))).status, 200);
}

TEST_F(BatchTest, ItsCallsRunAtOnceAndEndOnTheirOwn) {
  FakeAnswer held;
  held.hold = true;
  upstream_.OnTool("slow", held);
  TestHttpClient caller(bridge_.http_port());
  const Headers session = Open("2025-03-26");
  caller.Send(Batch({CallMessage("1", "slow", "a"), CallMessage("2", "slow", "b"),
                     CallMessage("3", "echo", "c")}),
              session);
  ASSERT_TRUE(
      upstream_.WaitFor([](const auto& record) { return record.held.size() == 2; }, kPatience));
  Post(R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}})", session);
  ASSERT_TRUE(
      upstream_.WaitFor([](const auto& record) { return record.cancels.size() == 1; }, kPatience));
  upstream_.ReleaseAll();
  const TestResponse response = caller.Receive();
  EXPECT_EQ(response.status, 200);
  EXPECT_TRUE(Has(response, R"("id":1,"error":)")) << response.body;
  EXPECT_TRUE(Has(response, "CANCELLED"));
  EXPECT_TRUE(Has(response, R"("id":2,"result":)"));
  EXPECT_TRUE(Has(response, R"("id":3,"result":)"));
}

TEST_F(BatchTest, ACallerThatLeavesCancelsAllOfIt) {
  FakeAnswer held;
  held.never = true;
  upstream_.OnTool("slow", held);
  TestHttpClient caller(bridge_.http_port());
  caller.Send(Batch({CallMessage("1", "slow", "a"), kPing, CallMessage("2", "slow", "b")}));
  ASSERT_TRUE(upstream_.WaitFor([](const auto& record) { return record.CountCalls("slow") == 2; },
                                kPatience));
  caller.Close();
  EXPECT_TRUE(
      upstream_.WaitFor([](const auto& record) { return record.cancels.size() == 2; }, kPatience));
}

// Within a session a lost connection is no cancellation.
TEST_F(BatchTest, InASessionItGoesOnWithoutItsCaller) {
  FakeAnswer held;
  held.hold = true;
  upstream_.OnTool("slow", held);
  const Headers session = Open("2025-03-26");
  TestHttpClient caller(bridge_.http_port());
  caller.Send(Batch({CallMessage("1", "slow", "a"), CallMessage("2", "slow", "b")}), session);
  ASSERT_TRUE(
      upstream_.WaitFor([](const auto& record) { return record.held.size() == 2; }, kPatience));
  caller.Close();
  Post(R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}})", session);
  ASSERT_TRUE(
      upstream_.WaitFor([](const auto& record) { return record.cancels.size() == 1; }, kPatience));
  EXPECT_EQ(upstream_.ReleaseAll(), 1u) << "the other one still runs";
}

TEST_F(BatchTest, WhatIsSaidBeforeAnAnswerMakesEventsOfIt) {
  upstream_.OnTool("echo", {.form = FakeAnswer::Form::kSse,
                            .before = {R"({"jsonrpc":"2.0","method":"notifications/message",)"
                                       R"("params":{"level":"info","data":"said"}})"}});
  const TestResponse response =
      Post(Batch({kPing, CallMessage("1", "echo", "x"), CallMessage("2", "echo", "y"),
                  CallMessage("3", "slow", "z")}));
  EXPECT_EQ(response.headers.at("content-type"), "text/event-stream");
  EXPECT_TRUE(response.complete);
  EXPECT_TRUE(Has(response, "said"));
  EXPECT_TRUE(Has(response, std::string("data: ") + kPong));
  for (const char* id : {"1", "2", "3"}) {
    EXPECT_TRUE(Has(response, R"(data: {"jsonrpc":"2.0","id":)" + std::string(id) + ",\"result\""))
        << response.body;
  }
}

}  // namespace
}  // namespace mcpbridge::test

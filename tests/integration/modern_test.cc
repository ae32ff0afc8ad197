// Callers of MCP 2026-07-28, in front of servers of that era and of the one before.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "server/jsonrpc/sse.h"
#include "tests/fakes/fake_mcp_server.h"
#include "tests/fakes/test_http.h"
#include "tests/integration/bridge_fixture.h"

namespace mcpbridge::test {
namespace {

using Headers = TestHttpClient::Headers;

constexpr char kMeta[] =
    R"("_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"tester","version":"1"},"io.modelcontextprotocol/clientCapabilities":{"sampling":{}}})";

// A request; `params` are members of its params.
std::string Request(const std::string& method, const std::string& params = "") {
  return R"({"jsonrpc":"2.0","id":"m1","method":")" + method + R"(","params":{)" + params +
         (params.empty() ? "" : ",") + kMeta + "}}";
}

std::string Call(const std::string& tool) {
  return Request("tools/call", R"("name":")" + tool + R"(","arguments":{"text":"hi"})");
}

// Answers server/discover as a server of that version does; all else as usual.
FakeAnswer Modern(const FakeRequest& request) {
  FakeAnswer answer;
  if (request.method == "server/discover") {
    answer.result =
        R"({"supportedVersions":["2026-07-28"],"capabilities":{"tools":{"own":1}},"resultType":"complete","ttlMs":0,"cacheScope":"private"})";
  } else if (request.method == "tools/call" && request.Header("mcp-method") == "tools/call") {
    answer.result = R"({"resultType":"complete","content":[],"n":9007199254740993})";
  }
  return answer;
}

class ModernTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(bridge_.WaitForTools("fake")); }

  TestResponse Post(const std::string& method, const std::string& body,
                    const std::string& name = "", const Headers& more = {}) {
    Headers headers = more;
    headers.emplace("MCP-Protocol-Version", "2026-07-28");
    headers.emplace("Mcp-Method", method);
    if (!name.empty()) headers.emplace("Mcp-Name", name);
    return TestHttpClient(bridge_.http_port()).Post(body, headers);
  }

  FakeMcpServer upstream_{{.sessions = false}};
  Bridge bridge_{ConfigWith({{"fake", upstream_.url()}})};
};

TEST_F(ModernTest, AServerOfTheSameEraIsReachedUnchanged) {
  upstream_.SetScript(Modern);
  const TestResponse response = Post("tools/call", Call("echo"), "echo", {{"Mcp-Param-X", "y"}});
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(
      response.body,
      R"({"jsonrpc":"2.0","id":"m1","result":{"resultType":"complete","content":[],"n":9007199254740993}})");
  const FakeRequest call = upstream_.Snapshot().LastCall();
  EXPECT_EQ(call.Header("mcp-protocol-version"), "2026-07-28");
  EXPECT_EQ(call.Header("mcp-name"), "echo");
  EXPECT_EQ(call.Header("mcp-param-x"), "y");
  EXPECT_EQ(call.Header("mcp-session-id"), "");
  EXPECT_NE(call.params.find(R"("name":"tester")"), std::string::npos)
      << "who calls is told as it is: " << call.params;
  Post("tools/call", Call("echo"), "echo");
  EXPECT_EQ(upstream_.Snapshot().Count("server/discover"), 1u);
}

TEST_F(ModernTest, AServerOfTheEraBeforeIsTranslated) {
  const TestResponse response = Post("tools/call", Call("echo"), "echo");
  EXPECT_EQ(response.status, 200);
  EXPECT_NE(response.body.find(R"("resultType":"complete")"), std::string::npos) << response.body;
  EXPECT_NE(response.body.find(R"("text":"hi")"), std::string::npos);
  EXPECT_NE(response.body.find("io.modelcontextprotocol/serverInfo"), std::string::npos);
  const FakeRequest call = upstream_.Snapshot().LastCall();
  EXPECT_EQ(call.params.find("io.modelcontextprotocol"), std::string::npos) << call.params;
  EXPECT_EQ(call.Header("mcp-protocol-version"), "2025-11-25");
  EXPECT_EQ(call.Header("mcp-method"), "");
}

TEST_F(ModernTest, DiscoverAndListsSayWhatTheEraWants) {
  upstream_.SetScript(Modern);
  const TestResponse discover = Post("server/discover", Request("server/discover"));
  EXPECT_EQ(discover.status, 200);
  EXPECT_NE(discover.body.find(R"("supportedVersions":["2026-07-28","2025-11-25",)"),
            std::string::npos)
      << discover.body;
  EXPECT_NE(discover.body.find(R"("tools":{"own":1})"), std::string::npos) << discover.body;
  const TestResponse list = Post("tools/list", Request("tools/list"));
  for (const char* part : {R"("name":"echo")", R"("resultType":"complete")", R"("ttlMs":60000)",
                           R"("cacheScope":"private")"}) {
    EXPECT_NE(list.body.find(part), std::string::npos) << part << " in " << list.body;
  }
}

TEST_F(ModernTest, DiscoverIsAnsweredWhateverBecomesOfTheServer) {
  upstream_.StopListening();
  upstream_.CloseConnections();
  const TestResponse discover = Post("server/discover", Request("server/discover"));
  EXPECT_EQ(discover.status, 200);
  EXPECT_NE(discover.body.find("supportedVersions"), std::string::npos) << discover.body;
}

TEST_F(ModernTest, WhatTheEraForbidsIsRefusedWithItsStatus) {
  const auto expect = [](const TestResponse& response, int status, const std::string& code) {
    EXPECT_EQ(response.status, status) << response.body;
    EXPECT_NE(response.body.find("\"code\":" + code), std::string::npos) << response.body;
    EXPECT_NE(response.body.find(R"("id":"m1")"), std::string::npos) << response.body;
  };
  expect(Post("tools/call", Call("echo"), "slow"), 400, "-32020");
  expect(Post("tools/list", Call("echo"), "echo"), 400, "-32020");
  for (const char* method : {"ping", "logging/setLevel", "resources/subscribe", "no/such"}) {
    expect(Post(method, Request(method)), 404, "-32601");
  }
  expect(Post("tools/call", Request("tools/call", R"("name":7)"), "7"), 400, "-32602");
}

TEST_F(ModernTest, LeavingCancelsWithoutAWord) {
  upstream_.SetScript([](const FakeRequest& request) {
    FakeAnswer answer = Modern(request);
    answer.never = request.method == "tools/call";
    return answer;
  });
  TestHttpClient caller(bridge_.http_port());
  caller.Send(
      Call("echo"),
      {{"MCP-Protocol-Version", "2026-07-28"}, {"Mcp-Method", "tools/call"}, {"Mcp-Name", "echo"}});
  ASSERT_TRUE(
      upstream_.WaitFor([](const auto& record) { return record.held.size() == 1; }, kPatience));
  caller.Close();
  EXPECT_TRUE(upstream_.WaitFor([](const auto& record) { return record.disconnected.size() == 1; },
                                kPatience));
  EXPECT_TRUE(upstream_.Snapshot().cancels.empty());
}

TEST_F(ModernTest, ASubscriptionKeepsItsCallersId) {
  upstream_.SetScript([](const FakeRequest& request) {
    FakeAnswer answer = Modern(request);
    if (request.method == "subscriptions/listen") {
      const std::string meta =
          R"("_meta":{"io.modelcontextprotocol/subscriptionId":)" + request.id + "}";
      answer.form = FakeAnswer::Form::kSse;
      answer.before = {
          R"({"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"notifications":{},)" +
          meta + "}}"};
      answer.result = R"({"resultType":"complete",)" + meta + "}";
    }
    return answer;
  });
  const TestResponse response =
      Post("subscriptions/listen", Request("subscriptions/listen", R"("notifications":{})"));
  std::vector<std::string> events;
  jsonrpc::SseParser parser(1 << 20);
  parser.Feed(response.body, [&](jsonrpc::SseEvent&& event) {
    events.push_back(event.data);
    return true;
  });
  ASSERT_EQ(events.size(), 2u) << response.body;
  for (const std::string& event : events) {
    EXPECT_NE(event.find(R"("io.modelcontextprotocol/subscriptionId":"m1")"), std::string::npos)
        << event;
  }
}

}  // namespace
}  // namespace mcpbridge::test

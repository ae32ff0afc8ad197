// A server over HTTP+SSE behind the whole bridge.

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "tests/fakes/fake_sse_server.h"
#include "tests/fakes/test_http.h"
#include "tests/integration/bridge_fixture.h"

namespace mcpbridge::test {
namespace {

using Record = FakeSseServer::Record;

constexpr char kInitialize[] =
    R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18",)"
    R"("capabilities":{},"clientInfo":{"name":"tester","version":"7"}}})";

class SseSessionTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(bridge_.WaitForTools("old")); }

  static Config SseConfig(const std::string& url) {
    Config config = ConfigWith({{"old", url}});
    config.servers[0].transport = TransportKind::kSse;
    return config;
  }

  FakeSseServer upstream_;
  Bridge bridge_{SseConfig(upstream_.url())};
};

TEST_F(SseSessionTest, EachClientHasAStreamOfItsOwnWhichEndsWithItsSession) {
  std::vector<std::string> sessions;
  for (int i = 0; i < 3; ++i) {
    TestHttpClient client(bridge_.http_port());
    sessions.push_back(client.Post(kInitialize).headers["mcp-session-id"]);
    const std::string text = "client" + std::to_string(i);
    const auto response =
        client.Post(CallMessage("1", "echo", text), {{"mcp-session-id", sessions.back()}});
    EXPECT_NE(response.body.find(text), std::string::npos) << response.body;
    const FakeRequest call = upstream_.Snapshot().Last("tools/call");
    EXPECT_EQ(call.path, "/message?session=" + std::to_string(i + 2));  // 1: the shared one
    EXPECT_NE(upstream_.Snapshot().Last("initialize").params.find("tester"), std::string::npos);
  }
  TestHttpClient(bridge_.http_port())
      .Request("DELETE", "/mcp", "", {{"mcp-session-id", sessions[1]}});
  EXPECT_TRUE(upstream_.WaitFor([](const Record& record) { return record.streams_closed == 1; }));
  const auto response = TestHttpClient(bridge_.http_port())
                            .Post(CallMessage("1", "echo", "x"), {{"mcp-session-id", sessions[2]}});
  EXPECT_NE(response.body.find("\"result\""), std::string::npos) << response.body;
  EXPECT_EQ(upstream_.Snapshot().streams_opened, 4);
}

// A question's stream has ended before its answer comes: another stream's question may have the
// same id.
TEST_F(SseSessionTest, AnAnswerReachesNoLaterStream) {
  TestHttpClient client(bridge_.http_port());
  const std::string session =
      client
          .Post(
              R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{"roots":{}},"clientInfo":{"name":"t","version":"1"}}})")
          .headers["mcp-session-id"];
  const TestHttpClient::Headers headers{{"mcp-session-id", session}};
  client.Post(CallMessage("1", "echo", "x"), headers);
  TestEventStream stream(bridge_.http_port(), headers);
  ASSERT_EQ(stream.status(), 200);
  upstream_.Say(R"({"jsonrpc":"2.0","id":7,"method":"roots/list"})");
  ASSERT_TRUE(stream.Next());
  upstream_.CloseStreams();
  // Through the new stream, which only this call opens.
  const auto call = [&](const std::string& text) {
    return client.Post(CallMessage("2", "echo", text), headers).body;
  };
  const auto give_up = std::chrono::steady_clock::now() + kPatience;
  while (call("y").find("\"y\"") == std::string::npos) {
    ASSERT_LT(std::chrono::steady_clock::now(), give_up);
  }
  client.Post(R"({"jsonrpc":"2.0","id":1,"result":{"roots":[]}})", headers);
  EXPECT_NE(call("z").find("\"z\""), std::string::npos);  // whatever was sent before has come
  for (const FakeRequest& request : upstream_.Snapshot().requests) {
    EXPECT_EQ(request.body.find(R"("id":7,"result")"), std::string::npos) << request.body;
  }
}

// The bridge's own request in the client's session owns nothing of what the server asks there.
TEST_F(SseSessionTest, WhatIsAskedWhileTheBridgeListsIsForTheClient) {
  upstream_.SetScript([](const FakeRequest& request) {
    FakeSseServer::Post post;
    if (request.method == "tools/list" && request.path == "/message?session=2") {
      post.before = {R"({"jsonrpc":"2.0","id":7,"method":"roots/list"})"};
    }
    return post;
  });
  TestHttpClient client(bridge_.http_port());
  const std::string session =
      client
          .Post(
              R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{"roots":{}},"clientInfo":{"name":"t","version":"1"}}})")
          .headers["mcp-session-id"];
  const TestHttpClient::Headers headers{{"mcp-session-id", session}};
  TestEventStream stream(bridge_.http_port(), headers);
  ASSERT_EQ(stream.status(), 200);
  const auto list = client.Post(R"({"jsonrpc":"2.0","id":1,"method":"tools/list"})", headers);
  EXPECT_NE(list.body.find("\"echo\""), std::string::npos) << list.body;
  const auto question = stream.Next();
  ASSERT_TRUE(question);
  EXPECT_EQ(question->data, R"({"jsonrpc":"2.0","id":1,"method":"roots/list"})");
}

// Callers leave by closing their connections, on all lanes at once.
TEST_F(SseSessionTest, CallersWhoLeaveDisturbNobody) {
  constexpr int kCalls = 60;
  std::mt19937 random(11);
  std::vector<std::unique_ptr<TestHttpClient>> clients;
  for (int i = 0; i < kCalls; ++i) {
    clients.push_back(std::make_unique<TestHttpClient>(bridge_.http_port()));
    clients.back()->Send(CallMessage("1", "hold", "text" + std::to_string(i)));
  }
  ASSERT_TRUE(upstream_.WaitFor([](const Record& record) { return record.held.size() == kCalls; }));
  std::size_t left = 0;
  for (auto& client : clients) {
    if (random() % 2 == 0) continue;
    client.reset();
    ++left;
  }
  ASSERT_TRUE(upstream_.WaitFor([&](const Record& r) { return r.cancels.size() == left; }));
  upstream_.ReleaseAll();
  for (int i = 0; i < kCalls; ++i) {
    const auto& client = clients[static_cast<std::size_t>(i)];
    if (client == nullptr) continue;
    EXPECT_NE(client->Receive().body.find("\"text" + std::to_string(i) + "\""), std::string::npos);
  }
  EXPECT_EQ(upstream_.Snapshot().cancels.size(), left);
  EXPECT_EQ(upstream_.Snapshot().streams_opened, 1);
}

// On one stream only its token says whose it is: on the client's own stream, or on that of the call
// it has under way.
TEST_F(SseSessionTest, ProgressOfATaskReachesItsClientAfterTheCallThatAskedForIt) {
  TestHttpClient client(bridge_.http_port());
  const TestHttpClient::Headers session{
      {"mcp-session-id", client.Post(kInitialize).headers.at("mcp-session-id")}};
  client.Post(
      R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"text":"x"},"task":{},"_meta":{"progressToken":7}}})",
      session);
  const std::string params = upstream_.Snapshot().Last("tools/call").params;
  ASSERT_NE(params.find(R"("progressToken":"mcp-bridge-task:7")"), std::string::npos) << params;
  const auto progress = [](const std::string& token) {
    return R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1,"progressToken":)" +
           token + "}}";
  };
  TestEventStream own(bridge_.http_port(), session);
  ASSERT_EQ(own.status(), 200);
  upstream_.Say(progress(R"("mcp-bridge-task:7")"));
  EXPECT_EQ(own.Next()->data, progress("7"));
  TestEventStream call(bridge_.http_port(), session, "/mcp", CallMessage("2", "hold", "y"));
  ASSERT_TRUE(upstream_.WaitFor([](const Record& record) { return record.held.size() == 1; }));
  upstream_.Say(progress(R"("mcp-bridge-task:7")"));
  EXPECT_EQ(call.Next()->data, progress("7"));
  upstream_.ReleaseAll();
}

// An http server that is none: the error names the way out.
TEST(SseAsHttpTest, AnOldServerUnderTheNewTransportSaysSo) {
  FakeSseServer upstream;
  upstream.SetScript([](const FakeRequest&) { return FakeSseServer::Post{.status = 405}; });
  Bridge bridge(ConfigWith({{"old", upstream.url()}}));
  TestHttpClient client(bridge.http_port());
  const std::string body = client.Post(CallMessage("1", "old-echo", "x")).body;
  EXPECT_EQ(ReasonOf(body), "UPSTREAM_UNAVAILABLE");
  EXPECT_NE(body.find("needs transport: sse"), std::string::npos) << body;
}

}  // namespace
}  // namespace mcpbridge::test

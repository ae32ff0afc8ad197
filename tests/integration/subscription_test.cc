// What servers say outside of calls, to whoever has subscribed to it: callers of MCP 2026-07-28 and
// clients with sessions, at servers of either era.

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "tests/fakes/fake_mcp_server.h"
#include "tests/fakes/test_http.h"
#include "tests/integration/subscription_fixture.h"

namespace mcpbridge::test {
namespace {

using namespace std::chrono_literals;
using Headers = TestHttpClient::Headers;

TEST_F(SubscriptionTest, OneStreamHasWhatAllServersSay) {
  const auto stream = Listen(
      "7", R"("toolsListChanged":true,"resourceSubscriptions":["a:1","b:1","x:1","a:refused"])");
  const auto first = stream->Next();
  ASSERT_TRUE(first);
  EXPECT_EQ(
      first->data,
      R"({"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":7},"notifications":{"toolsListChanged":true,"resourceSubscriptions":["a:1","b:1"]}}})");
  const std::string session = SessionOf("resources/subscribe", "a:1");
  ASSERT_EQ(old_.Push(Update("a:1"), session), 1u);
  const std::string tag = R"("_meta":{"io.modelcontextprotocol/subscriptionId":7})";
  EXPECT_EQ(DataOf(*stream), Notification(kUpdated, "{" + tag + R"(,"uri":"a:1"})"));
  ASSERT_EQ(new_.PushToListeners(kUpdated, R"("uri":"b:1")", "b:1"), 1u);
  EXPECT_EQ(DataOf(*stream), Notification(kUpdated, "{" + tag + R"(,"uri":"b:1"})"));
  // Changes that nobody has asked for aren't told: the next is the tools'.
  auto& subscriptions = bridge_.app().service().subscriptions();
  subscriptions.OnListChanged(0, ListKind::kPrompts);
  subscriptions.OnListChanged(1, ListKind::kTools);
  EXPECT_EQ(DataOf(*stream), Notification("notifications/tools/list_changed", "{" + tag + "}"));
}

TEST_F(SubscriptionTest, AChangedListOfAnyServerIsHeard) {
  const auto stream = Listen(R"("s")", R"("toolsListChanged":true)");
  EXPECT_TRUE(Has(DataOf(*stream), kAcknowledged));
  const auto other = [](FakeMcpServer::Script script) {
    return [script](const FakeRequest& request) {
      FakeAnswer answer = script(request);
      if (request.method == "tools/list" && answer.error.empty()) {
        answer.result = R"({"tools":[{"name":"other","inputSchema":{"type":"object"}}]})";
      }
      return answer;
    };
  };
  const auto listens = [](const char* method) {
    return [method](const FakeMcpServer::Record& record) { return record.Count(method) > 0; };
  };
  ASSERT_TRUE(old_.WaitFor(listens("GET"), kPatience));
  old_.SetScript(other(OldServer));
  old_.Push(Notification("notifications/tools/list_changed"));
  EXPECT_TRUE(Has(DataOf(*stream), "notifications/tools/list_changed"));
  ASSERT_TRUE(new_.WaitFor(listens("subscriptions/listen"), kPatience));
  new_.SetScript(other(NewServer));
  new_.PushToListeners("notifications/tools/list_changed", "", "toolsListChanged");
  EXPECT_TRUE(Has(DataOf(*stream), "notifications/tools/list_changed"));
}

TEST_F(SubscriptionTest, AnUpdateReachesItsSubscriberOnly) {
  const auto one = Listen("1", R"("resourceSubscriptions":["a:1","b:1"])");
  const auto two = Listen("2", R"("resourceSubscriptions":["a:2","b:2"])");
  EXPECT_TRUE(Has(DataOf(*one), kAcknowledged));
  EXPECT_TRUE(Has(DataOf(*two), kAcknowledged));
  const std::string first = SessionOf("resources/subscribe", "a:1");
  const std::string second = SessionOf("resources/subscribe", "a:2");
  EXPECT_NE(first, second);
  ASSERT_EQ(old_.Push(Update("a:1"), first), 1u);
  ASSERT_EQ(old_.Push(Update("a:2"), second), 1u);
  ASSERT_EQ(new_.PushToListeners(kUpdated, R"("uri":"b:2")", "b:2"), 1u);
  const auto rest = [](TestEventStream& stream, int count) {
    std::string all;
    for (int i = 0; i < count; ++i) all += DataOf(stream);
    return all;
  };
  const std::string of_one = rest(*one, 1);
  const std::string of_two = rest(*two, 2);
  EXPECT_TRUE(Has(of_one, "a:1")) << of_one;
  EXPECT_TRUE(Has(of_two, "a:2") && Has(of_two, "b:2")) << of_two;
  EXPECT_FALSE(Has(of_two, "a:1")) << of_two;
  ASSERT_EQ(new_.PushToListeners(kUpdated, R"("uri":"b:1")", "b:1"), 1u);
  EXPECT_TRUE(Has(DataOf(*one), "b:1"));
}

TEST_F(SubscriptionTest, WhenItsCallerLeavesTheServersAreTold) {
  auto stream = Listen("1", R"("resourceSubscriptions":["a:1","b:1"])");
  const auto stays = Listen("2", R"("resourceSubscriptions":["a:2"])");
  EXPECT_TRUE(Has(DataOf(*stream), kAcknowledged));
  EXPECT_TRUE(Has(DataOf(*stays), kAcknowledged));
  const std::string session = SessionOf("resources/subscribe", "a:1");
  stream->Close();
  EXPECT_TRUE(WasClosed(session));
  EXPECT_TRUE(Disconnected(1));
  ASSERT_EQ(old_.Push(Update("a:2"), SessionOf("resources/subscribe", "a:2")), 1u);
  EXPECT_TRUE(Has(DataOf(*stays), "a:2")) << "nobody else notices";
}

TEST_F(SubscriptionTest, OneServerOfTheOlderEraIsListenedToAsWell) {
  const auto stream = Listen("1", R"("resourceSubscriptions":["a:1"])", "/mcp/old");
  EXPECT_TRUE(Has(DataOf(*stream), R"("resourceSubscriptions":["a:1"])"));
  ASSERT_EQ(old_.Push(Update("a:1"), SessionOf("resources/subscribe", "a:1")), 1u);
  EXPECT_TRUE(Has(DataOf(*stream), "a:1"));
}

TEST_F(SubscriptionTest, WhatIsWrongIsSaidAtOnce) {
  for (const char* wanted : {R"("toolsListChanged":1)", R"("resourceSubscriptions":"a:1")"}) {
    auto stream = Listen("1", wanted);
    EXPECT_EQ(stream->status(), 400);
    EXPECT_TRUE(Has(stream->Body(), "-32602"));
  }
}

TEST_F(SubscriptionTest, WhoReadsTooSlowlyIsToldSoAndNobodyElseWaits) {
  constexpr int kEvents = 200;  // more than sockets and the bridge hold
  const std::string part(128 << 10, 'p');
  const auto slow = Listen("1", R"("resourceSubscriptions":["a:1"])");
  const auto quick = Listen("2", R"("resourceSubscriptions":["a:2"])");
  EXPECT_TRUE(Has(DataOf(*slow), kAcknowledged));
  EXPECT_TRUE(Has(DataOf(*quick), kAcknowledged));
  const std::string session = SessionOf("resources/subscribe", "a:1");
  for (int i = 0; i < kEvents; ++i) {
    // None: it has been ended by now.
    if (old_.Push(Update("a:1/" + std::to_string(i) + part), session) == 0) break;
  }
  ASSERT_EQ(old_.Push(Update("a:2"), SessionOf("resources/subscribe", "a:2")), 1u);
  EXPECT_TRUE(Has(DataOf(*quick), "a:2"));
  // Its session with the server ends before a word of it is read.
  EXPECT_TRUE(old_.WaitFor(
      [&](const auto& record) {
        return std::any_of(record.requests.begin(), record.requests.end(), [&](const auto& one) {
          return one.http_method == "DELETE" && one.Header("mcp-session-id") == session;
        });
      },
      kPatience));
  std::string last;
  int events = 0;
  while (const auto event = slow->Next()) {
    last = event->data;
    ++events;
  }
  EXPECT_EQ(ReasonOf(last), "OVERLOADED") << last.substr(0, 200);
  EXPECT_LT(events, kEvents);
}

TEST_F(SubscriptionTest, WhatCanBeSubscribedToIsDeclared) {
  const std::string discover =
      TestHttpClient(bridge_.http_port())
          .Post(
              R"({"jsonrpc":"2.0","id":1,"method":"server/discover","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}})",
              {{"MCP-Protocol-Version", "2026-07-28"}, {"Mcp-Method", "server/discover"}})
          .body;
  const std::string initialize =
      TestHttpClient(bridge_.http_port())
          .Post(
              R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}})")
          .body;
  for (const std::string& body : {discover, initialize}) {
    for (const char* part : {R"("resources":{)", R"("subscribe":true)", R"("listChanged":true)"}) {
      EXPECT_TRUE(Has(body, part)) << body;
    }
  }
}

TEST_F(SubscriptionTest, TheBridgeEndsItInOrder) {
  const auto merged = Listen("1", R"("toolsListChanged":true)");
  const auto passed_on = Listen("2", R"("toolsListChanged":true)", "/mcp/new");
  EXPECT_TRUE(Has(DataOf(*merged), kAcknowledged));
  EXPECT_TRUE(Has(DataOf(*passed_on), kAcknowledged));
  bridge_.app().Stop("test");
  for (const auto& [stream, id] : {std::pair(merged.get(), "1"), std::pair(passed_on.get(), "2")}) {
    const auto last = stream->Next();
    ASSERT_TRUE(last);
    EXPECT_EQ(last->data, R"({"jsonrpc":"2.0","id":)" + std::string(id) +
                              R"(,"result":{"_meta":{"io.modelcontextprotocol/subscriptionId":)" +
                              id + R"(},"resultType":"complete"}})");
  }
}

// ---- Clients with sessions ----

TEST_F(SubscriptionTest, AClientWithASessionHearsOfAModernServersResources) {
  const std::string session = Open();
  const auto stream = Get(session);
  const std::string done = R"({"jsonrpc":"2.0","id":1,"result":{}})";
  EXPECT_EQ(Post(session, "resources/subscribe", "b:1"), done);
  EXPECT_TRUE(ListensLast(R"(["b:1"])"));
  EXPECT_EQ(Post(session, "resources/subscribe", "b:2"), done);
  EXPECT_TRUE(ListensLast(R"(["b:1","b:2"])"));
  EXPECT_TRUE(Disconnected(1)) << "one stream for all that it has subscribed to";
  ASSERT_EQ(new_.PushToListeners(kUpdated, R"("uri":"b:1","x":1)", "b:1"), 1u);
  EXPECT_EQ(DataOf(*stream), Notification(kUpdated, R"({"uri":"b:1","x":1})"));
  EXPECT_EQ(Post(session, "resources/unsubscribe", "b:1"), done);
  EXPECT_TRUE(ListensLast(R"(["b:2"])"));
  EXPECT_TRUE(Disconnected(2));
  EXPECT_EQ(Post(session, "resources/unsubscribe", "b:2"), done);
  EXPECT_TRUE(Disconnected(3)) << "nothing is listened to any more";
}

TEST_F(SubscriptionTest, AModernServerThatComesBackIsListenedToAgain) {
  const std::string session = Open();
  const auto stream = Get(session);
  Post(session, "resources/subscribe", "b:1");
  EXPECT_TRUE(ListensLast(R"(["b:1"])"));
  new_.CloseConnections();
  // What was said in between is lost, so it counts as updated.
  EXPECT_EQ(DataOf(*stream), Notification(kUpdated, R"({"uri":"b:1"})"));
  ASSERT_EQ(new_.PushToListeners(kUpdated, R"("uri":"b:1","again":1)", "b:1"), 1u);
  EXPECT_EQ(DataOf(*stream), Notification(kUpdated, R"({"uri":"b:1","again":1})"));
}

TEST_F(SubscriptionTest, AnOlderServerThatComesBackIsSubscribedToAgain) {
  const std::string session = Open();
  const auto stream = Get(session);
  EXPECT_EQ(Post(session, "resources/subscribe", "a:1"), R"({"jsonrpc":"2.0","id":1,"result":{}})");
  const std::string before = SessionOf("resources/subscribe", "a:1");
  old_.DropSessions();
  old_.CloseConnections();
  EXPECT_EQ(DataOf(*stream), Notification(kUpdated, R"({"uri":"a:1"})"));
  const std::string after = SessionOf("resources/subscribe", "a:1", 2);
  EXPECT_NE(before, after);
  ASSERT_EQ(old_.Push(Update("a:1"), after), 1u);
  EXPECT_EQ(DataOf(*stream), Update("a:1"));
}

TEST_F(SubscriptionTest, ASessionsEndEndsWhatItHasSubscribedTo) {
  const std::string session = Open();
  Post(session, "resources/subscribe", "a:1");
  Post(session, "resources/subscribe", "b:1");
  const std::string theirs = SessionOf("resources/subscribe", "a:1");
  EXPECT_TRUE(ListensLast(R"(["b:1"])"));
  TestHttpClient(bridge_.http_port()).Request("DELETE", "/mcp", "", {{"Mcp-Session-Id", session}});
  EXPECT_TRUE(WasClosed(theirs));
  EXPECT_TRUE(Disconnected(1));
}

// Over stdio: the process that has ended is followed by another, which is subscribed to.
TEST(StdioSubscriptionTest, AProcessThatEndsIsFollowedByOneThatIsSubscribedTo) {
  for (const char* era : {"legacy", "modern"}) {
    Config config = ConfigWith({{"fake", "http://unused"}});
    config.servers[0].transport = TransportKind::kStdio;
    config.servers[0].command = FAKE_STDIO_SERVER;
    config.servers[0].args = {"--resources", std::string("--era=") + era};
    Bridge bridge(std::move(config));
    ASSERT_TRUE(bridge.WaitForTools("fake")) << era;
    const auto post = [&](const std::string& body, const Headers& headers) {
      return TestHttpClient(bridge.http_port()).Post(body, headers);
    };
    const std::string session =
        post(
            R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}})",
            {})
            .headers["mcp-session-id"];
    const Headers headers{{"Mcp-Session-Id", session}};
    TestEventStream stream(bridge.http_port(), headers);
    EXPECT_TRUE(DataOf(stream).empty());
    const std::string subscribe =
        R"({"jsonrpc":"2.0","id":1,"method":"resources/subscribe","params":{"uri":"x:1"}})";
    EXPECT_EQ(post(subscribe, headers).body, R"({"jsonrpc":"2.0","id":1,"result":{}})") << era;
    post(CallMessage("2", "touch", ""), headers);
    EXPECT_EQ(DataOf(stream), Update("x:1")) << era;
    post(CallMessage("3", "crash", ""), headers);
    EXPECT_EQ(DataOf(stream), Update("x:1")) << era << ": it may have changed unheard";
    post(CallMessage("4", "touch", ""), headers);
    EXPECT_EQ(DataOf(stream), Update("x:1")) << era;
  }
}

}  // namespace
}  // namespace mcpbridge::test

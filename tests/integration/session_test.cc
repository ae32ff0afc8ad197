// Clients with sessions: what comes in the course of a call, what a server asks, whose session it
// is.

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "server/jsonrpc/sse.h"
#include "tests/fakes/fake_mcp_server.h"
#include "tests/fakes/test_http.h"
#include "tests/integration/bridge_fixture.h"

namespace mcpbridge::test {
namespace {

using Headers = TestHttpClient::Headers;

constexpr char kElicits[] = R"({"elicitation":{},"sampling":{}})";

std::string Initialize(const std::string& capabilities) {
  return R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":)" +
         capabilities + R"(,"clientInfo":{"name":"tester","version":"7"}}})";
}

// A tools/call with a progress token (raw).
std::string CallWithToken(const std::string& token) {
  return R"({"jsonrpc":"2.0","id":"c1","method":"tools/call","params":{"name":"echo","arguments":{"text":"done"},"_meta":{"progressToken":)" +
         token + "}}}";
}

// The messages of an event stream.
std::vector<std::string> EventsOf(const TestResponse& response) {
  EXPECT_EQ(response.headers.at("content-type"), "text/event-stream") << response.body;
  EXPECT_TRUE(response.complete);
  std::vector<std::string> events;
  jsonrpc::SseParser parser(1 << 20);
  parser.Feed(response.body, [&](jsonrpc::SseEvent&& event) {
    events.push_back(event.data);
    return true;
  });
  return events;
}

// Says progress and a log message under the token it was given, before its answer.
FakeAnswer Talkative(const FakeRequest& request) {
  if (request.method != "tools/call") return {};
  const std::string key = "\"progressToken\":";
  const std::size_t at = request.params.find(key) + key.size();
  const std::string token = request.params.substr(at, request.params.find('}', at) - at);
  FakeAnswer answer;
  answer.form = FakeAnswer::Form::kSse;
  answer.before = {
      R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1,"progressToken":)" +
          token + R"(,"total":2}})",
      R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"not yours","progress":9}})",
      R"({"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"h\u00e9"}})"};
  return answer;
}

class SessionTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(bridge_.WaitForTools("fake")); }

  TestResponse Post(const std::string& body, const Headers& headers = {}) {
    return TestHttpClient(bridge_.http_port()).Post(body, headers);
  }
  // The id of a new session.
  std::string Open(const std::string& capabilities = "{}") {
    return Post(Initialize(capabilities)).headers["mcp-session-id"];
  }
  TestResponse Delete(const std::string& session) {
    return TestHttpClient(bridge_.http_port())
        .Request("DELETE", "/mcp", "", {{"mcp-session-id", session}});
  }

  FakeMcpServer upstream_;
  Bridge bridge_{ConfigWith({{"fake", upstream_.url()}})};
};

TEST_F(SessionTest, WhatComesInTheCourseOfACallArrivesBeforeItsAnswer) {
  upstream_.SetScript(Talkative);
  for (const std::string token : {"\"t\\u00f6k\"", "7", "9007199254740993"}) {
    const std::vector<std::string> events = EventsOf(Post(CallWithToken(token)));
    ASSERT_EQ(events.size(), 3u);
    EXPECT_EQ(
        events[0],
        R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1,"progressToken":)" +
            token + R"(,"total":2}})");
    EXPECT_EQ(
        events[1],
        R"({"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"h\u00e9"}})");
    EXPECT_NE(events[2].find(R"("id":"c1","result":)"), std::string::npos);
    EXPECT_NE(events[2].find("done"), std::string::npos);
  }
}

TEST_F(SessionTest, JsonIsEnoughWhereNothingComesOrNoEventsAreTaken) {
  EXPECT_EQ(Post(CallWithToken("1")).headers["content-type"], "application/json");
  upstream_.SetScript(Talkative);
  const TestResponse response = Post(CallWithToken("1"), {{"Accept", "application/json"}});
  EXPECT_EQ(response.headers.at("content-type"), "application/json");
  EXPECT_NE(response.body.find("done"), std::string::npos);
}

TEST_F(SessionTest, EachClientHasItsOwnSessionWithTheServer) {
  const std::string first = Open(kElicits);
  const std::string second = Open();
  Post(CallMessage("1", "echo", "a"), {{"mcp-session-id", first}});
  const std::string upstream_of_first = upstream_.Snapshot().LastCall().Header("mcp-session-id");
  Post(CallMessage("1", "echo", "b"), {{"mcp-session-id", second}});
  const std::string upstream_of_second = upstream_.Snapshot().LastCall().Header("mcp-session-id");
  Post(CallMessage("2", "echo", "c"), {{"mcp-session-id", first}});
  const auto record = upstream_.Snapshot();
  EXPECT_EQ(record.LastCall().Header("mcp-session-id"), upstream_of_first);
  EXPECT_NE(upstream_of_first, upstream_of_second);
  EXPECT_EQ(record.sessions_opened, 3) << "and the one that all others share";
  const auto named =
      std::count_if(record.requests.begin(), record.requests.end(), [](const FakeRequest& request) {
        return request.method == "initialize" &&
               request.params.find(R"("clientInfo":{"name":"tester","version":"7"})") !=
                   std::string::npos &&
               request.params.find(R"("protocolVersion":"2025-06-18")") != std::string::npos;
      });
  EXPECT_EQ(named, 2);
}

TEST_F(SessionTest, AServersQuestionReachesItsOwnCallerAndTheAnswerTheServer) {
  upstream_.SetScript([](const FakeRequest& request) {
    if (request.method != "tools/call") return FakeAnswer{};
    FakeAnswer answer;
    answer.form = FakeAnswer::Form::kSse;
    answer.hold = true;
    answer.before = {
        R"({"jsonrpc":"2.0","id":"q-1","method":"elicitation/create","params":{"message":"who?"}})"};
    return answer;
  });
  const std::string session = Open(kElicits);
  TestHttpClient caller(bridge_.http_port());
  caller.Send(CallMessage("5", "echo", "x"), {{"mcp-session-id", session}});
  ASSERT_TRUE(
      upstream_.WaitFor([](const auto& record) { return record.held.size() == 1; }, kPatience));
  const std::string stranger = Open(kElicits);
  const std::string answer = R"({"jsonrpc":"2.0","id":1,"result":{"action":"accept","n":1e400}})";
  EXPECT_EQ(Post(answer, {{"mcp-session-id", stranger}}).status, 202);
  // The bridge asks once the question has come: the answer may have to be given again.
  const auto answered = [](const FakeMcpServer::Record& record) {
    return std::any_of(
        record.requests.begin(), record.requests.end(), [](const FakeRequest& request) {
          return request.body ==
                 R"({"jsonrpc":"2.0","id":"q-1","result":{"action":"accept","n":1e400}})";
        });
  };
  EXPECT_FALSE(answered(upstream_.Snapshot())) << "a stranger has answered";
  const auto give_up = std::chrono::steady_clock::now() + kPatience;
  do {
    EXPECT_EQ(Post(answer, {{"mcp-session-id", session}}).status, 202);
  } while (!upstream_.WaitFor(answered, std::chrono::milliseconds(50)) &&
           std::chrono::steady_clock::now() < give_up);
  EXPECT_TRUE(answered(upstream_.Snapshot()));
  upstream_.ReleaseAll();
  const std::vector<std::string> events = EventsOf(caller.Receive());
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(
      events[0],
      R"({"jsonrpc":"2.0","id":1,"method":"elicitation/create","params":{"message":"who?"}})");
  EXPECT_NE(events[1].find(R"("id":5,"result")"), std::string::npos);
}

constexpr char kEcho[] = R"({"name":"echo","inputSchema":{"type":"object"}})";
constexpr char kAskMe[] = R"({"name":"ask_me","inputSchema":{"type":"object"}})";

// Lists another tool in each session but the one that all share.
FakeAnswer MoreForClients(const FakeRequest& request) {
  FakeAnswer answer;
  if (request.method != "tools/list") return answer;
  const bool shared = request.Header("mcp-session-id") == "fake-session-1";
  answer.result =
      std::string(R"({"tools":[)") + kEcho + (shared ? "" : std::string(",") + kAskMe) + "]}";
  return answer;
}

bool Lists(const TestResponse& response, const std::string& tool) {
  EXPECT_NE(response.body.find(R"("name":"echo")"), std::string::npos) << response.body;
  return response.body.find("\"name\":\"" + tool + "\"") != std::string::npos;
}

constexpr char kList[] = R"({"jsonrpc":"2.0","id":9,"method":"tools/list"})";

TEST_F(SessionTest, AClientThatCanBeAskedSeesWhatIsThereForSuchClients) {
  upstream_.SetScript(MoreForClients);
  const std::string session = Open(kElicits);
  EXPECT_TRUE(Lists(Post(kList, {{"mcp-session-id", session}}), "ask_me"));
  const std::size_t lists = upstream_.Snapshot().Count("tools/list");
  EXPECT_TRUE(Lists(Post(kList, {{"mcp-session-id", session}}), "ask_me"));
  EXPECT_EQ(upstream_.Snapshot().sessions_opened, 2)
      << "its own is used, none is made for the list";
  EXPECT_LE(upstream_.Snapshot().Count("tools/list"), lists + 1)
      << "once more at the most, for the session had only just been opened";
  const TestResponse called = Post(CallMessage("1", "ask_me", "x"), {{"mcp-session-id", session}});
  EXPECT_NE(called.body.find("\"x\""), std::string::npos) << called.body;
  EXPECT_FALSE(Lists(Post(kList, {{"mcp-session-id", Open()}}), "ask_me"));
  EXPECT_FALSE(Lists(Post(kList), "ask_me"));
}

TEST_F(SessionTest, ACallerOfTheEraWithoutSessionsSeesItToo) {
  upstream_.SetScript(MoreForClients);
  const auto post = [this](const std::string& method, const std::string& members,
                           const std::string& capabilities) {
    return Post(
        R"({"jsonrpc":"2.0","id":9,"method":")" + method + R"(","params":{)" + members +
            R"("_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":)" +
            capabilities + "}}}",
        {{"MCP-Protocol-Version", "2026-07-28"}, {"Mcp-Method", method}, {"Mcp-Name", "ask_me"}});
  };
  post("server/discover", "", "{}");
  EXPECT_FALSE(Lists(post("tools/list", "", "{}"), "ask_me"));
  const TestResponse called = post("tools/call", R"("name":"ask_me",)", R"({"roots":{}})");
  EXPECT_NE(called.body.find(R"("resultType":"complete")"), std::string::npos) << called.body;
  EXPECT_TRUE(Lists(post("tools/list", "", R"({"roots":{}})"), "ask_me"));
  EXPECT_EQ(upstream_.Snapshot().sessions_opened, 2) << "one for all who can be asked the same";
}

TEST_F(SessionTest, AListThatChangesInAClientsOwnSessionIsItsOwn) {
  upstream_.SetScript([](const FakeRequest& request) {
    FakeAnswer answer = MoreForClients(request);
    if (request.method != "tools/call") return answer;
    answer.form = FakeAnswer::Form::kSse;
    answer.before = {R"({"jsonrpc":"2.0","method":"notifications/tools/list_changed"})"};
    return answer;
  });
  const Headers session{{"mcp-session-id", Open()}};
  EXPECT_FALSE(Lists(Post(kList, session), "ask_me"));
  Post(CallMessage("1", "echo", "x"), session);
  EXPECT_TRUE(Lists(Post(kList, session), "ask_me"));
  EXPECT_FALSE(Lists(Post(kList, {{"mcp-session-id", Open()}}), "ask_me"));
}

TEST_F(SessionTest, AQuestionOfACallIsWithdrawnByItsServer) {
  upstream_.SetScript([](const FakeRequest& request) {
    if (request.method != "tools/call") return FakeAnswer{};
    FakeAnswer answer;
    answer.form = FakeAnswer::Form::kSse;
    answer.before = {
        R"({"jsonrpc":"2.0","id":"q-1","method":"elicitation/create","params":{"message":"who?"}})",
        R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"q-0"}})",
        R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"q-1"}})"};
    return answer;
  });
  const TestResponse response =
      Post(CallMessage("5", "echo", "x"), {{"mcp-session-id", Open(kElicits)}});
  const std::vector<std::string> events = EventsOf(response);
  ASSERT_EQ(events.size(), 3u) << response.body;
  EXPECT_EQ(events[1],
            R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}})");
}

TEST_F(SessionTest, AQuestionThatNobodyCanAnswerIsRefused) {
  upstream_.SetScript([](const FakeRequest& request) {
    if (request.method != "tools/call") return FakeAnswer{};
    FakeAnswer answer;
    answer.form = FakeAnswer::Form::kSse;
    answer.before = {R"({"jsonrpc":"2.0","id":8,"method":"sampling/createMessage","params":{}})"};
    return answer;
  });
  std::size_t refusals = 0;
  const auto refused = [&refusals](const FakeMcpServer::Record& record) {
    return refusals ==
           static_cast<std::size_t>(std::count_if(
               record.requests.begin(), record.requests.end(), [](const FakeRequest& request) {
                 return request.body.find(R"("id":8,"error":{"code":-32601)") != std::string::npos;
               }));
  };
  const Headers with_session{{"mcp-session-id", Open()}};  // it declared nothing
  for (const Headers& headers : {Headers{}, with_session}) {
    const TestResponse response = Post(CallMessage("1", "echo", "x"), headers);
    EXPECT_EQ(response.headers.at("content-type"), "application/json");
    ++refusals;
    EXPECT_TRUE(upstream_.WaitFor(refused, kPatience));
  }
}

TEST_F(SessionTest, ItEndsWithDelete) {
  const std::string session = Open();
  Post(CallMessage("1", "echo", "x"), {{"mcp-session-id", session}});
  const std::string upstream_session = upstream_.Snapshot().LastCall().Header("mcp-session-id");
  EXPECT_EQ(Delete(session).status, 204);
  EXPECT_TRUE(upstream_.WaitFor(
      [&](const auto& record) {
        return record.Count("DELETE") == 1 &&
               record.requests.back().Header("mcp-session-id") == upstream_session;
      },
      kPatience));
  EXPECT_EQ(Delete(session).status, 404);
  for (const std::string& gone : {session, std::string("never-there")}) {
    const TestResponse response = Post(CallMessage("4", "echo", "x"), {{"mcp-session-id", gone}});
    EXPECT_EQ(response.status, 404);
    EXPECT_EQ(ReasonOf(response.body), "SESSION_NOT_FOUND");
    EXPECT_NE(response.body.find(R"("id":4)"), std::string::npos);
  }
  EXPECT_EQ(bridge_.app().sessions().size(), 0u);
}

TEST_F(SessionTest, ItOutlivesTheServersRestart) {
  const Headers headers{{"mcp-session-id", Open()}};
  Post(CallMessage("1", "echo", "before"), headers);
  upstream_.DropSessions();
  const TestResponse response = Post(CallMessage("2", "echo", "after"), headers);
  EXPECT_NE(response.body.find("after"), std::string::npos) << response.body;
}

TEST_F(SessionTest, WhatWouldBeSetForAllNeedsASession) {
  const std::string body =
      R"({"jsonrpc":"2.0","id":1,"method":"logging/setLevel","params":{"level":"debug"}})";
  EXPECT_EQ(ReasonOf(Post(body).body), "METHOD_NOT_FOUND");
  upstream_.SetScript([](const FakeRequest& request) {
    FakeAnswer answer;
    if (request.method == "logging/setLevel") answer.result = "{}";
    return answer;
  });
  EXPECT_EQ(Post(body, {{"mcp-session-id", Open()}}).body,
            R"({"jsonrpc":"2.0","id":1,"result":{}})");
}

// Of a stdio server, mcp-demo-server itself.
class StdioSessionTest : public testing::Test {
 protected:
  static Config StdioConfig() {
    Config config = ConfigWith({{"demo", "http://unused"}});
    config.servers[0].transport = TransportKind::kStdio;
    config.servers[0].command = MCP_DEMO_SERVER;
    return config;
  }
  TestResponse Count(const Headers& headers) {
    return TestHttpClient(bridge_.http_port())
        .Post(
            R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"count","arguments":{"to":3,"interval_ms":1},"_meta":{"progressToken":"p"}}})",
            headers);
  }

  Bridge bridge_{StdioConfig()};
};

TEST_F(StdioSessionTest, ProgressReachesItsOwnCaller) {
  ASSERT_TRUE(bridge_.WaitForTools("demo"));
  const TestResponse opened = TestHttpClient(bridge_.http_port()).Post(Initialize("{}"));
  const Headers with_session{{"mcp-session-id", opened.headers.at("mcp-session-id")}};
  // Several times, as connections are dealt to the lanes in turn and the process lives on one.
  for (int i = 0; i < 4; ++i) {
    for (const Headers& headers : {Headers{}, with_session}) {
      const std::vector<std::string> events = EventsOf(Count(headers));
      ASSERT_EQ(events.size(), 4u);
      for (int n = 0; n < 3; ++n) {
        EXPECT_NE(events[static_cast<std::size_t>(n)].find(R"("progressToken":"p")"),
                  std::string::npos)
            << events[static_cast<std::size_t>(n)];
      }
      EXPECT_NE(events[3].find(R"("id":1,"result")"), std::string::npos) << events[3];
    }
  }
}

TEST(StdioSessionLimitTest, TooManyProcessesAreRefused) {
  Config config = ConfigWith({{"demo", "http://unused"}});
  config.servers[0].transport = TransportKind::kStdio;
  config.servers[0].command = MCP_DEMO_SERVER;
  config.bridge.limits.client_processes = 1;
  Bridge bridge(config);
  ASSERT_TRUE(bridge.WaitForTools("demo"));
  TestHttpClient client(bridge.http_port());
  const std::string first = client.Post(Initialize("{}")).headers.at("mcp-session-id");
  const std::string second = client.Post(Initialize("{}")).headers.at("mcp-session-id");
  const std::string call = CallMessage("1", "echo", "x");
  EXPECT_EQ(ReasonOf(client.Post(call, {{"mcp-session-id", first}}).body), "");
  EXPECT_EQ(ReasonOf(client.Post(call, {{"mcp-session-id", second}}).body), "OVERLOADED");
  EXPECT_EQ(ReasonOf(client.Post(call).body), "") << "who has no session uses the shared process";
  client.Request("DELETE", "/mcp", "", {{"mcp-session-id", first}});
  const auto give_up = std::chrono::steady_clock::now() + kPatience;
  while (ReasonOf(client.Post(call, {{"mcp-session-id", second}}).body) == "OVERLOADED" &&
         std::chrono::steady_clock::now() < give_up) {
  }
  EXPECT_EQ(ReasonOf(client.Post(call, {{"mcp-session-id", second}}).body), "");
}

TEST(SessionLimitTest, IdleSessionsEndAndTooManyAreRefused) {
  FakeMcpServer upstream;
  Config config = ConfigWith({{"fake", upstream.url()}});
  config.bridge.limits.sessions = 2;
  config.bridge.session_idle = std::chrono::milliseconds(50);
  Bridge bridge(config);
  TestHttpClient client(bridge.http_port());
  // More than may be in use at once; each waits for idle ones to go.
  const auto give_up = std::chrono::steady_clock::now() + kPatience;
  int opened = 0;
  int refused = 0;
  while (opened < 5 && std::chrono::steady_clock::now() < give_up) {
    const TestResponse response = client.Post(Initialize("{}"));
    if (response.status == 200) {
      ++opened;
    } else {
      EXPECT_EQ(ReasonOf(response.body), "OVERLOADED");
      ++refused;
    }
  }
  EXPECT_EQ(opened, 5);
  EXPECT_GT(refused, 0);
  EXPECT_LE(bridge.app().sessions().size(), 2u);
}

TEST(SessionIsolationTest, SharedMeansOneSessionForAll) {
  FakeMcpServer upstream;
  Config config = ConfigWith({{"fake", upstream.url()}});
  config.servers[0].isolation = Isolation::kShared;
  Bridge bridge(config);
  ASSERT_TRUE(bridge.WaitForTools("fake"));
  for (int i = 0; i < 2; ++i) {
    TestHttpClient client(bridge.http_port());
    const std::string session = client.Post(Initialize("{}")).headers["mcp-session-id"];
    client.Post(CallMessage("1", "echo", "x"), {{"mcp-session-id", session}});
  }
  EXPECT_EQ(upstream.Snapshot().CountCalls("echo"), 2u);
  EXPECT_EQ(upstream.Snapshot().sessions_opened, 1);
}

}  // namespace
}  // namespace mcpbridge::test

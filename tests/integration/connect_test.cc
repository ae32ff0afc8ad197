// mcpbridge.v1.SessionService.Connect: MCP's own messages on a stream.

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/fakes/fake_mcp_server.h"
#include "tests/integration/bridge_fixture.h"
#include "tests/integration/connect_client.h"

namespace mcpbridge::test {
namespace {

// A request of MCP 2026-07-28; `params` are members of its params.
std::string Modern(const std::string& id, const std::string& method, const std::string& params) {
  return R"({"jsonrpc":"2.0","id":)" + id + R"(,"method":")" + method + R"(","params":{)" + params +
         R"("_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}})";
}

std::string Cancelled(const std::string& id) {
  return R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":)" + id +
         "}}";
}

class ConnectTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(bridge_.WaitForTools("fake")); }

  void HoldSlow() {
    FakeAnswer slow;
    slow.hold = true;
    upstream_.OnTool("slow", slow);
  }
  bool Held(std::size_t count) {
    return upstream_.WaitFor([count](const auto& record) { return record.held.size() == count; },
                             kPatience);
  }
  bool Cancels(std::size_t count) {
    return upstream_.WaitFor([count](const auto& record) { return record.cancels.size() == count; },
                             kPatience);
  }

  static std::string Question(const std::string& id) {
    return R"({"jsonrpc":"2.0","id":")" + id +
           R"(","method":"elicitation/create","params":{"message":"who?"}})";
  }
  // The server asks "of-call" in each call, which it holds, as it does its sessions' own streams.
  void AskInCalls() {
    upstream_.SetScript([](const FakeRequest& request) {
      FakeAnswer answer;
      answer.hold = request.http_method == "GET" || request.method == "tools/call";
      if (answer.hold) answer.form = FakeAnswer::Form::kSse;
      if (request.method == "tools/call") answer.before = {Question("of-call")};
      return answer;
    });
  }
  // Waits until the server has been answered that it gets no answer.
  bool IsRefused(const std::string& id) {
    const std::string begin = R"({"jsonrpc":"2.0","id":")" + id + R"(","error":{)";
    return upstream_.WaitFor(
        [&begin](const auto& record) {
          return std::any_of(
              record.requests.begin(), record.requests.end(),
              [&begin](const auto& request) { return request.body.starts_with(begin); });
        },
        kPatience);
  }

  FakeMcpServer upstream_;
  Bridge bridge_{ConfigWith({{"fake", upstream_.url()}})};
};

TEST_F(ConnectTest, ALegacyClientsWholeConversation) {
  ConnectClient client(bridge_);
  client.Initialized();
  EXPECT_EQ(bridge_.app().sessions().size(), 1u);
  EXPECT_EQ(client.Ask(R"({"jsonrpc":"2.0","id":"p","method":"ping"})"),
            R"({"jsonrpc":"2.0","id":"p","result":{}})");
  EXPECT_TRUE(Has(client.Ask(R"({"jsonrpc":"2.0","id":1,"method":"tools/list"})"),
                  R"({"jsonrpc":"2.0","id":1,"result":{"tools":[)"));
  FakeAnswer exact;
  exact.result = R"({ "content":[],"n" : 9007199254740993, "x":1e400})";
  upstream_.OnTool("echo", exact);
  EXPECT_EQ(client.Ask(CallMessage("\"\\u0061\"", "echo", "h\\u00e9")),
            R"({"jsonrpc":"2.0","id":"\u0061","result":)" + exact.result + "}")
      << "byte for byte, the id too";
  EXPECT_EQ(upstream_.Snapshot().LastCall().text, "h\xc3\xa9");
  client.HalfClose();
  EXPECT_EQ(client.Next(), "");
  EXPECT_TRUE(client.End().ok());
  EXPECT_EQ(client.context().GetServerTrailingMetadata().count("mcpbridge-timing"), 1u);
  EXPECT_EQ(bridge_.app().sessions().size(), 0u) << "it ends with its stream";
}

TEST_F(ConnectTest, ProgressComesAheadOfTheAnswerUnderTheClientsToken) {
  upstream_.SetScript([](const FakeRequest& request) {
    FakeAnswer answer;
    const std::string key = "\"progressToken\":";
    const std::size_t at = request.params.find(key);
    if (request.method != "tools/call" || at == std::string::npos) return answer;
    const std::size_t begin = at + key.size();
    answer.form = FakeAnswer::Form::kSse;
    answer.before = {
        R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":)" +
        request.params.substr(begin, request.params.find('}', begin) - begin) +
        R"(,"progress":1}})"};
    return answer;
  });
  ConnectClient client(bridge_);
  client.Initialized();
  EXPECT_EQ(
      client.Ask(
          R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"text":"x"},"_meta":{"progressToken":"mine"}}})"),
      R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"mine","progress":1}})");
  EXPECT_TRUE(Has(client.Next(), R"("id":1,"result")"));
}

TEST_F(ConnectTest, AServersQuestionIsAskedAndAnswered) {
  upstream_.SetScript([](const FakeRequest& request) {
    if (request.method != "tools/call") return FakeAnswer{};
    FakeAnswer answer;
    answer.form = FakeAnswer::Form::kSse;
    answer.hold = true;
    answer.before = {
        R"({"jsonrpc":"2.0","id":"q-1","method":"elicitation/create","params":{"message":"who?"}})"};
    return answer;
  });
  ConnectClient client(bridge_);
  client.Initialized(R"({"elicitation":{}})");
  EXPECT_EQ(
      client.Ask(CallMessage("1", "echo", "x")),
      R"({"jsonrpc":"2.0","id":1,"method":"elicitation/create","params":{"message":"who?"}})");
  client.Say(R"({"jsonrpc":"2.0","id":1,"result":{"action":"accept","n":1e400}})");
  EXPECT_TRUE(upstream_.WaitFor(
      [](const auto& record) {
        return std::any_of(record.requests.begin(), record.requests.end(), [](const auto& request) {
          return request.body ==
                 R"({"jsonrpc":"2.0","id":"q-1","result":{"action":"accept","n":1e400}})";
        });
      },
      kPatience));
  upstream_.ReleaseAll();
  EXPECT_TRUE(Has(client.Next(), R"("id":1,"result")"));
}

// Whoever has said all answers nothing any more: servers are told so at once, and not at the
// deadline of the calls that wait for it.
TEST_F(ConnectTest, AHalfCloseRefusesOpenQuestionsAndLaterOnes) {
  AskInCalls();
  ConnectClient client(bridge_);
  client.Initialized(R"({"elicitation":{}})");
  EXPECT_TRUE(Has(client.Ask(CallMessage("1", "echo", "x")), R"("id":1,"method":"elicitation)"));
  ASSERT_TRUE(Held(2));  // the call, and the session's own stream
  std::vector<std::string> held = upstream_.Snapshot().held;
  const std::string call =
      *std::find_if(held.begin(), held.end(), [](const std::string& id) { return id != "GET"; });
  EXPECT_EQ(upstream_.Push(Question("of-session")), 1u);
  EXPECT_TRUE(Has(client.Next(), R"("id":2,"method":"elicitation)"));

  client.HalfClose();
  EXPECT_TRUE(IsRefused("of-call"));
  EXPECT_TRUE(IsRefused("of-session"));
  EXPECT_TRUE(upstream_.Say(call, Question("of-call-later")));
  EXPECT_EQ(upstream_.Push(Question("of-session-later")), 1u);
  EXPECT_TRUE(IsRefused("of-call-later"));
  EXPECT_TRUE(IsRefused("of-session-later"));
  EXPECT_TRUE(upstream_.Release(call));
  EXPECT_TRUE(Has(client.Next(), R"("id":1,"result")")) << "it was never asked again";
  EXPECT_EQ(client.Next(), "");
  EXPECT_TRUE(client.End().ok());
  EXPECT_TRUE(bridge_.WaitUntilIdle());
}

TEST_F(ConnectTest, ASecondInitializeRefusesWhatTheFirstWasAsked) {
  AskInCalls();
  ConnectClient client(bridge_);
  client.Initialized(R"({"elicitation":{}})");
  EXPECT_TRUE(Has(client.Ask(CallMessage("1", "echo", "x")), R"("id":1,"method":"elicitation)"));
  client.Initialized(R"({"elicitation":{}})");
  EXPECT_TRUE(IsRefused("of-call"));
}

TEST_F(ConnectTest, ACallIsCancelledBySayingSoInBothEras) {
  HoldSlow();
  ConnectClient client(bridge_);
  client.Initialized();
  client.Say(CallMessage("7", "slow", "x"));
  client.Say(Modern("8", "tools/call", R"("name":"slow","arguments":{"text":"x"},)"));
  ASSERT_TRUE(Held(2));
  client.Say(Cancelled("7"));
  std::string end = client.Next();
  EXPECT_EQ(ReasonOf(end), "CANCELLED");
  EXPECT_TRUE(Has(end, R"("id":7,)")) << end;
  EXPECT_TRUE(Cancels(1));
  client.Say(Cancelled("\"8\""));  // another id
  client.Say(Cancelled("8"));
  end = client.Next();
  EXPECT_EQ(ReasonOf(end), "CANCELLED");
  EXPECT_TRUE(Has(end, R"("id":8,)")) << end;
  EXPECT_TRUE(Cancels(2));
}

TEST_F(ConnectTest, WhatBelongsToNoRequestComesToo) {
  ConnectClient client(bridge_);
  client.Initialized();
  ConnectClient bystander(bridge_);  // has no session
  bridge_.app().sessions().OnListChanged(0, ListKind::kTools);
  EXPECT_EQ(client.Next(), R"({"jsonrpc":"2.0","method":"notifications/tools/list_changed"})");
  EXPECT_EQ(bystander.Ask(R"({"jsonrpc":"2.0","id":1,"method":"ping"})"),
            R"({"jsonrpc":"2.0","id":1,"result":{}})");
}

TEST_F(ConnectTest, ASecondInitializeTakesThePlaceOfTheFirst) {
  ConnectClient client(bridge_);
  client.Initialized();
  client.Initialized();
  EXPECT_EQ(bridge_.app().sessions().size(), 1u);
  bridge_.app().sessions().OnListChanged(0, ListKind::kTools);
  EXPECT_EQ(client.Next(), R"({"jsonrpc":"2.0","method":"notifications/tools/list_changed"})");
  EXPECT_EQ(client.Ask(R"({"jsonrpc":"2.0","id":1,"method":"ping"})"),
            R"({"jsonrpc":"2.0","id":1,"result":{}})")
      << "told once";
}

TEST_F(ConnectTest, AModernClientNeedsNoHeaders) {
  ConnectClient client(bridge_);
  const std::string discovered = client.Ask(Modern("1", "server/discover", ""));
  EXPECT_TRUE(Has(discovered, R"("supportedVersions":)")) << discovered;
  const std::string listed = client.Ask(Modern("2", "tools/list", ""));
  EXPECT_TRUE(Has(listed, R"("resultType":"complete")")) << listed;
  const std::string called =
      client.Ask(Modern("3", "tools/call", R"("name":"echo","arguments":{"text":"hi"},)"));
  EXPECT_TRUE(Has(called, R"("id":3,"result")") && Has(called, "hi")) << called;
  EXPECT_EQ(ReasonOf(client.Ask(Modern("4", "initialize", ""))), "METHOD_NOT_FOUND");
  EXPECT_EQ(
      ReasonOf(client.Ask(
          R"({"jsonrpc":"2.0","id":5,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2027-01-01","io.modelcontextprotocol/clientCapabilities":{}}}})")),
      "UNSUPPORTED_PROTOCOL_VERSION");
  EXPECT_EQ(bridge_.app().sessions().size(), 0u);
}

TEST_F(ConnectTest, TheSameIdsOnTwoStreamsAreTwoCalls) {
  HoldSlow();
  ConnectClient first(bridge_);
  ConnectClient second(bridge_);
  first.Initialized();
  second.Initialized();
  first.Say(CallMessage("1", "slow", "of the first"));
  second.Say(CallMessage("1", "slow", "of the second"));
  ASSERT_TRUE(Held(2));
  EXPECT_EQ(ReasonOf(first.Ask(CallMessage("1", "echo", "again"))), "INVALID_REQUEST");
  upstream_.ReleaseAll();
  EXPECT_TRUE(Has(first.Next(), "of the first"));
  EXPECT_TRUE(Has(second.Next(), "of the second"));
  EXPECT_TRUE(Has(first.Ask(CallMessage("1", "echo", "later")), "later"));
}

TEST_F(ConnectTest, ManyCallsAtOnceEachGetTheirOwnAnswer) {
  ConnectClient client(bridge_);
  client.Initialized();
  constexpr int kCalls = 100;
  for (int i = 1; i <= kCalls; ++i) {
    client.Say(CallMessage(std::to_string(i), "echo", "text-" + std::to_string(i) + "."));
  }
  std::set<std::string> ids;
  for (int i = 0; i < kCalls; ++i) {
    const std::string answer = client.Next();
    const std::size_t at = answer.find("\"id\":") + 5;
    const std::string id = answer.substr(at, answer.find(',', at) - at);
    EXPECT_TRUE(Has(answer, "text-" + id + ".")) << answer;
    ids.insert(id);
  }
  EXPECT_EQ(ids.size(), static_cast<std::size_t>(kCalls));
}

TEST_F(ConnectTest, AStreamThatIsKilledTakesOnlyItsOwnCallsAndSession) {
  HoldSlow();
  ConnectClient survivor(bridge_);
  survivor.Initialized();
  survivor.Say(CallMessage("1", "slow", "survives"));
  {
    ConnectClient victim(bridge_);
    victim.Initialized();
    for (int i = 1; i <= 10; ++i) victim.Say(CallMessage(std::to_string(i), "slow", "x"));
    ASSERT_TRUE(Held(11));
    EXPECT_EQ(bridge_.app().sessions().size(), 2u);
  }
  EXPECT_TRUE(Cancels(10));
  upstream_.ReleaseAll();
  EXPECT_TRUE(Has(survivor.Next(), "survives"));
  EXPECT_EQ(bridge_.app().sessions().size(), 1u);
  EXPECT_TRUE(bridge_.WaitUntilIdle());
}

TEST_F(ConnectTest, WhatIsWrongWithAMessageIsThatMessagesMatter) {
  ConnectClient client(bridge_);
  EXPECT_EQ(ReasonOf(client.Ask("{")), "INVALID_JSON");
  EXPECT_EQ(ReasonOf(client.Ask("\xff\xfe")), "INVALID_JSON");
  EXPECT_EQ(ReasonOf(client.Ask("")), "INVALID_JSON");
  const std::string wrong = client.Ask(R"({"id":3,"method":"ping"})");
  EXPECT_EQ(ReasonOf(wrong), "INVALID_REQUEST");
  EXPECT_TRUE(Has(wrong, R"("id":3,)")) << wrong;
  EXPECT_EQ(ReasonOf(client.Ask(R"([{"jsonrpc":"2.0","id":1,"method":"ping"}])")),
            "INVALID_REQUEST");
  EXPECT_EQ(ReasonOf(client.Ask(R"({"jsonrpc":"2.0","id":4,"method":"no/such"})")),
            "METHOD_NOT_FOUND");
  EXPECT_EQ(ReasonOf(client.Ask(CallMessage("5", "nobody", "x"))), "TOOL_NOT_FOUND");
  EXPECT_TRUE(Has(client.Ask(CallMessage("6", "echo", "goes on")), "goes on"));
}

TEST_F(ConnectTest, TheStreamsDeadlineIsThatOfItsCalls) {
  HoldSlow();
  ConnectClient client(bridge_, {}, std::chrono::seconds(2));
  client.Say(CallMessage("1", "slow", "x"));
  ASSERT_TRUE(upstream_.WaitFor([](const auto& record) { return record.held.size() == 1; }));
  std::string last;
  for (std::string next = client.Next(); !next.empty(); next = client.Next()) last = next;
  EXPECT_TRUE(last.empty() || ReasonOf(last) == "DEADLINE_EXCEEDED") << last;  // which comes first
  EXPECT_EQ(client.End().error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_TRUE(Cancels(1));
  EXPECT_TRUE(bridge_.WaitUntilIdle());
}

TEST_F(ConnectTest, AStopLetsCallsFinishAndSaysWhyTheStreamEnds) {
  HoldSlow();
  ConnectClient busy(bridge_);
  ConnectClient idle(bridge_);
  busy.Initialized();
  idle.Initialized();
  busy.Say(CallMessage("1", "slow", "to the end"));
  ASSERT_TRUE(Held(1));
  std::thread stopping([this] { bridge_.app().Stop("test"); });
  EXPECT_EQ(idle.Next(), "");
  const grpc::Status stopped = idle.End();
  EXPECT_EQ(stopped.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(ReasonOf(stopped), "SHUTTING_DOWN");
  EXPECT_EQ(ReasonOf(busy.Ask(CallMessage("2", "echo", "x"))), "SHUTTING_DOWN");
  upstream_.ReleaseAll();
  EXPECT_TRUE(Has(busy.Next(), "to the end"));
  EXPECT_EQ(busy.Next(), "");
  EXPECT_EQ(ReasonOf(busy.End()), "SHUTTING_DOWN");
  stopping.join();
}

TEST(ConnectModernTest, AHalfCloseLetsCallsFinishAndEndsSubscriptions) {
  FakeMcpServer upstream({.sessions = false});
  upstream.SetScript([](const FakeRequest& request) {
    FakeAnswer answer;
    if (request.method == "server/discover") {
      answer.result =
          R"({"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"resultType":"complete","ttlMs":0,"cacheScope":"private"})";
    } else if (request.method == "subscriptions/listen") {
      answer.form = FakeAnswer::Form::kSse;
      answer.hold = true;
      answer.before = {
          R"({"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"notifications":{},"_meta":{"io.modelcontextprotocol/subscriptionId":)" +
          request.id + "}}}"};
    } else if (request.tool == "slow") {
      answer.hold = true;
    }
    return answer;
  });
  Bridge bridge(ConfigWith({{"fake", upstream.url()}}));
  ASSERT_TRUE(bridge.WaitForTools("fake"));
  ConnectClient client(bridge);
  EXPECT_TRUE(Has(client.Ask(Modern("\"s\"", "subscriptions/listen", R"("notifications":{},)")),
                  R"("io.modelcontextprotocol/subscriptionId":"s")"));
  client.Say(CallMessage("1", "slow", "in the end"));
  ASSERT_TRUE(upstream.WaitFor([](const auto& record) { return record.held.size() == 2; }));
  client.HalfClose();
  const std::string ended = client.Next();
  EXPECT_TRUE(Has(ended, R"("id":"s","result":{)") &&
              Has(ended, R"("io.modelcontextprotocol/subscriptionId":"s")"))
      << ended;
  upstream.ReleaseAll();
  EXPECT_TRUE(Has(client.Next(), "in the end"));
  EXPECT_EQ(client.Next(), "");
  EXPECT_TRUE(client.End().ok());
  EXPECT_TRUE(bridge.WaitUntilIdle());
}

TEST(ConnectModernTest, HeadersThatAServerWantsAreMadeForIt) {
  FakeMcpServer upstream(
      {.sessions = false,
       .tools =
           R"([{"name":"echo","inputSchema":{"type":"object","properties":{"text":{"type":"string","x-mcp-header":"Text"}}}}])"});
  upstream.SetScript([](const FakeRequest& request) {
    FakeAnswer answer;
    if (request.method == "server/discover") {
      answer.result =
          R"({"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"resultType":"complete","ttlMs":0,"cacheScope":"private"})";
    } else if (request.method == "tools/call") {
      answer.result = R"({"resultType":"complete","content":[]})";
    }
    return answer;
  });
  Bridge bridge(ConfigWith({{"fake", upstream.url()}}));
  ASSERT_TRUE(bridge.WaitForTools("fake"));
  ConnectClient client(bridge);
  EXPECT_EQ(client.Ask(Modern("1", "tools/call", R"("name":"echo","arguments":{"text":"hi"},)")),
            R"({"jsonrpc":"2.0","id":1,"result":{"resultType":"complete","content":[]}})");
  const FakeRequest call = upstream.Snapshot().LastCall();
  EXPECT_EQ(call.Header("mcp-param-text"), "hi");
  EXPECT_EQ(call.Header("mcp-name"), "echo");
  EXPECT_EQ(call.Header("mcp-method"), "tools/call");
}

}  // namespace
}  // namespace mcpbridge::test

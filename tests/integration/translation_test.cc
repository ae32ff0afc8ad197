// What stands between the eras: servers of the modern one only, and calls that wait for an answer.

#include <gtest/gtest.h>

#include <regex>
#include <string>

#include "tests/fakes/fake_json.h"
#include "tests/fakes/fake_mcp_server.h"
#include "tests/fakes/test_http.h"
#include "tests/integration/bridge_fixture.h"

namespace mcpbridge::test {
namespace {

using Headers = TestHttpClient::Headers;

// A server that knows no `initialize`; `tool` answers tools/call.
FakeMcpServer::Script ModernOnly(FakeMcpServer::Script tool = {}) {
  return [tool](const FakeRequest& request) {
    FakeAnswer answer;
    if (request.Header("mcp-protocol-version") != "2026-07-28") {
      answer.http_status = 404;
      answer.error = R"({"code":-32601,"message":"Method not found"})";
    } else if (request.method == "server/discover") {
      answer.result =
          R"({"supportedVersions":["2026-07-28"],"capabilities":{"tools":{},"logging":{},"extensions":{"x":{}}},"instructions":"Ask.","resultType":"complete","ttlMs":0,"cacheScope":"private","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"new","version":"9"}}})";
    } else if (request.method == "tools/call") {
      if (tool) return tool(request);
      answer.result =
          R"({"resultType":"complete","content":[{"type":"text","text":"hi"}],"_meta":{"io.modelcontextprotocol/serverInfo":{}}})";
    }
    return answer;
  };
}

class ModernOnlyTest : public testing::TestWithParam<Protocol> {
 protected:
  Config MakeConfig() {
    upstream_.SetScript(ModernOnly());
    Config config = ConfigWith({{"new", upstream_.url()}});
    config.servers[0].protocol = GetParam();
    return config;
  }
  void SetUp() override { ASSERT_TRUE(bridge_.WaitForTools("new")); }

  TestResponse Post(const std::string& body, const Headers& headers = {}) {
    return TestHttpClient(bridge_.http_port()).Post(body, headers);
  }
  TestResponse Initialize(const std::string& capabilities = "{}") {
    return Post(
        R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":)" +
        capabilities + R"(,"clientInfo":{"name":"old","version":"1"}}})");
  }

  FakeMcpServer upstream_{{.sessions = false}};
  Bridge bridge_{MakeConfig()};
};

INSTANTIATE_TEST_SUITE_P(All, ModernOnlyTest, testing::Values(Protocol::kAuto, Protocol::kModern));

TEST_P(ModernOnlyTest, ItIsListedAndHealthyAsAnyOther) {
  const UpstreamStatus status = bridge_.app().status().Of("new");
  EXPECT_EQ(status.health, UpstreamHealth::kServing);
  EXPECT_EQ(status.protocol_version, "2026-07-28");
  EXPECT_EQ(status.server_name, "new");
  const TestResponse answer = Initialize();
  EXPECT_TRUE(Has(answer.body, R"("protocolVersion":"2025-06-18")")) << answer.body;
  EXPECT_TRUE(Has(answer.body, R"("capabilities":{"logging":{},"tools":{"listChanged":true}})"))
      << answer.body;
  EXPECT_TRUE(Has(answer.body, R"("instructions":"Ask.")")) << answer.body;
  const std::size_t initializes = upstream_.Snapshot().Count("initialize");
  EXPECT_EQ(initializes > 0, GetParam() == Protocol::kAuto);
}

TEST_P(ModernOnlyTest, ARequestSaysWhatItsClientSaid) {
  const Headers session{
      {"mcp-session-id", Initialize(R"({"roots":{}})").headers["mcp-session-id"]}};
  EXPECT_EQ(
      Post(R"({"jsonrpc":"2.0","id":5,"method":"logging/setLevel","params":{"level":"warning"}})",
           session)
          .body,
      R"({"jsonrpc":"2.0","id":5,"result":{}})");
  EXPECT_EQ(Post(CallMessage("1", "echo", "x"), session).body,
            R"({"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"hi"}]}})");
  FakeRequest call = upstream_.Snapshot().LastCall();
  EXPECT_EQ(call.Header("mcp-name"), "echo");
  EXPECT_EQ(call.Header("mcp-session-id"), "");
  auto meta = JsonMembers(JsonMembers(call.params)["_meta"]);
  EXPECT_EQ(meta["io.modelcontextprotocol/clientInfo"], R"({"name":"old","version":"1"})");
  EXPECT_EQ(meta["io.modelcontextprotocol/clientCapabilities"], R"({"roots":{}})");
  EXPECT_EQ(meta["io.modelcontextprotocol/logLevel"], R"("warning")");
  Post(CallMessage("1", "echo", "x"));
  meta = JsonMembers(JsonMembers(upstream_.Snapshot().LastCall().params)["_meta"]);
  EXPECT_EQ(meta["io.modelcontextprotocol/clientCapabilities"], "{}") << "who has no session";
  EXPECT_EQ(meta.count("io.modelcontextprotocol/logLevel"), 0u);
}

TEST_P(ModernOnlyTest, GrpcReachesIt) {
  grpc::ClientContext context;
  v1::CallToolRequest request;
  request.set_name("echo");
  v1::CallToolResponse response;
  const auto status = bridge_.Stub()->CallTool(&context, request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  ASSERT_EQ(response.content_size(), 1);
}

TEST_P(ModernOnlyTest, WhoCantBeAskedIsToldWhatIsMissing) {
  upstream_.SetScript(ModernOnly([](const FakeRequest&) {
    FakeAnswer answer;
    answer.result =
        R"({"resultType":"input_required","inputRequests":{"a":{"method":"sampling/createMessage","params":{}}}})";
    return answer;
  }));
  const TestResponse response = Post(CallMessage("1", "echo", "x"));
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(ReasonOf(response.body), "MISSING_CLIENT_CAPABILITY") << response.body;
  EXPECT_TRUE(Has(response.body, R"("requiredCapabilities":{"sampling":{}})")) << response.body;
  EXPECT_TRUE(Has(response.body, "-32021"));
}

TEST_P(ModernOnlyTest, AServerThatIsNeverContentIsGivenUp) {
  upstream_.SetScript(ModernOnly([](const FakeRequest&) {
    FakeAnswer answer;
    answer.result = R"({"resultType":"input_required","requestState":"again"})";
    return answer;
  }));
  EXPECT_EQ(ReasonOf(Post(CallMessage("1", "echo", "x")).body), "UPSTREAM_PROTOCOL");
  EXPECT_EQ(upstream_.Snapshot().CountCalls("echo"), 9u) << "once, and 8 rounds";
}

// A server of the legacy era that asks and waits, and a modern caller.
class ParkedCallTest : public testing::Test {
 protected:
  Config MakeConfig() {
    upstream_.SetScript([](const FakeRequest& request) {
      FakeAnswer answer;
      if (request.method.empty() && Has(request.body, "e1")) {
        answer.release_result = TextResult(Has(request.body, "Ada") ? "\"Ada\"" : "\"?\"");
      } else if (request.method == "tools/call") {
        answer.form = FakeAnswer::Form::kSse;
        answer.hold = true;
        answer.before = {
            R"({"jsonrpc":"2.0","id":"e1","method":"elicitation/create","params":{"message":"who?"}})"};
      }
      return answer;
    });
    Config config = ConfigWith({{"old", upstream_.url()}});
    config.bridge.limits.parked_calls = 2;
    return config;
  }
  void SetUp() override { ASSERT_TRUE(bridge_.WaitForTools("old")); }

  std::string Call(const std::string& tool, const std::string& more = "",
                   const std::string& capabilities = R"({"elicitation":{}})") {
    return TestHttpClient(bridge_.http_port())
        .Post(
            R"({"jsonrpc":"2.0","id":"m","method":"tools/call","params":{"name":")" + tool +
                R"(","arguments":{},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":)" +
                capabilities + "}" + more + "}}",
            {{"MCP-Protocol-Version", "2026-07-28"},
             {"Mcp-Method", "tools/call"},
             {"Mcp-Name", tool}})
        .body;
  }
  // The raw state that a call was given.
  static std::string StateOf(const std::string& body) {
    return JsonMembers(JsonMembers(body)["result"])["requestState"];
  }
  std::string Answer(const std::string& state, const std::string& tool = "echo",
                     const std::string& key = "q1") {
    return Call(tool, R"(,"inputResponses":{")" + key +
                          R"(":{"action":"accept","content":{"name":"Ada"}}},"requestState":)" +
                          state);
  }

  FakeMcpServer upstream_;
  Bridge bridge_{MakeConfig()};
};

TEST_F(ParkedCallTest, GoesOnWithTheAnswerOnce) {
  const std::string asked = Call("echo");
  EXPECT_TRUE(Has(asked, R"("resultType":"input_required")")) << asked;
  EXPECT_TRUE(Has(asked, R"("method":"elicitation/create","params":{"message":"who?"})")) << asked;
  const std::string answered = Answer(StateOf(asked));
  EXPECT_TRUE(Has(answered, R"("text":"Ada")")) << answered;
  EXPECT_TRUE(Has(answered, R"("resultType":"complete")")) << answered;
  EXPECT_EQ(upstream_.Snapshot().CountCalls("echo"), 1u) << "it was one call";
  EXPECT_EQ(ReasonOf(Answer(StateOf(asked))), "INVALID_ARGUMENTS") << "its state is used";
}

TEST_F(ParkedCallTest, AStateIsGoodForItsOwnRequestOnly) {
  const std::string state = StateOf(Call("echo"));
  std::string changed = state;
  changed[changed.size() - 2] = changed[changed.size() - 2] == '0' ? '1' : '0';
  for (const std::string& answer :
       {Answer(changed), Answer(state, "slow"), Answer("\"foreign\""), Answer("\"\"")}) {
    EXPECT_EQ(ReasonOf(answer), "INVALID_ARGUMENTS") << answer;
    EXPECT_TRUE(Has(answer, "-32602"));
  }
  EXPECT_TRUE(Has(Answer(state), R"("text":"Ada")")) << "none of them did any harm";
}

TEST_F(ParkedCallTest, WhatIsNotAnsweredIsAskedAgain) {
  const std::string again = Answer(StateOf(Call("echo")), "echo", "another");
  EXPECT_TRUE(Has(again, R"("inputRequests":{"q1":)")) << again;
  EXPECT_TRUE(Has(Answer(StateOf(again)), R"("text":"Ada")"));
}

TEST_F(ParkedCallTest, OnlyWhoCanBeAskedIsAsked) {
  std::string body;
  std::thread call([&] { body = Call("echo", "", R"({"sampling":{}})"); });
  EXPECT_TRUE(upstream_.WaitFor(
      [](const FakeMcpServer::Record& record) {
        return std::any_of(record.requests.begin(), record.requests.end(), [](const auto& request) {
          return Has(request.body, R"("id":"e1","error":{"code":-32601)");
        });
      },
      kPatience));
  call.join();
  EXPECT_TRUE(Has(body, R"("text":"?")")) << body;
}

TEST_F(ParkedCallTest, TooManyAreRefusedAndTheirServersTold) {
  Call("echo");
  Call("echo");
  EXPECT_EQ(ReasonOf(Call("echo")), "QUESTION_NOT_KEPT") << "nothing to be tried again: it may run";
  EXPECT_TRUE(
      upstream_.WaitFor([](const auto& record) { return record.cancels.size() == 1; }, kPatience));
  EXPECT_EQ(bridge_.app().service().parked().size(), 2u);
}

TEST_F(ParkedCallTest, WhatTheServerSaysMeanwhileIsKept) {
  const std::string state = StateOf(Call("echo"));
  ASSERT_TRUE(
      upstream_.WaitFor([](const auto& record) { return record.held.size() == 1; }, kPatience));
  upstream_.ReleaseAll();
  const std::string body = Answer(state);
  EXPECT_TRUE(Has(body, R"("id":"m","result")")) << body;
}

TEST(ParkedCallTimeTest, TheServersTimeoutIsForTheWholeCall) {
  FakeMcpServer upstream;
  upstream.SetScript([](const FakeRequest& request) {
    FakeAnswer answer;
    answer.never = request.method == "tools/call";
    if (answer.never) {
      answer.form = FakeAnswer::Form::kSse;
      answer.before = {R"({"jsonrpc":"2.0","id":1,"method":"roots/list"})"};
    }
    return answer;
  });
  Config config = ConfigWith({{"old", upstream.url()}});
  config.servers[0].timeout = std::chrono::milliseconds(300);
  Bridge bridge(config);
  ASSERT_TRUE(bridge.WaitForTools("old"));
  const TestResponse asked =
      TestHttpClient(bridge.http_port())
          .Post(
              R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"roots":{}}}}})",
              {{"MCP-Protocol-Version", "2026-07-28"},
               {"Mcp-Method", "tools/call"},
               {"Mcp-Name", "echo"}});
  EXPECT_TRUE(Has(asked.body, "requestState")) << asked.body;
  EXPECT_TRUE(
      upstream.WaitFor([](const auto& record) { return record.cancels.size() == 1; }, kPatience))
      << "nobody came back";
}

TEST(AskingSessionTest, TheOneForCallersThatCanBeAskedEndsWhenNobodyUsesIt) {
  FakeMcpServer upstream;
  Config config = ConfigWith({{"old", upstream.url()}});
  config.bridge.session_idle = std::chrono::milliseconds(50);
  Bridge bridge(config);
  ASSERT_TRUE(bridge.WaitForTools("old"));
  TestHttpClient(bridge.http_port())
      .Post(
          R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"roots":{}}}}})",
          {{"MCP-Protocol-Version", "2026-07-28"},
           {"Mcp-Method", "tools/call"},
           {"Mcp-Name", "echo"}});
  const auto ended = [](const auto& record) {
    return record.sessions_opened == 2 && record.Count("DELETE") == 1;
  };
  EXPECT_TRUE(upstream.WaitFor(ended, kPatience));
}

}  // namespace
}  // namespace mcpbridge::test

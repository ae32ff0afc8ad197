// Questions that are answered on a web page (elicitation of mode `url`), between the eras: what the
// server sends there, what it says when it is done, and its error where it wants that first.

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>

#include "tests/fakes/fake_json.h"
#include "tests/fakes/fake_mcp_server.h"
#include "tests/fakes/test_http.h"
#include "tests/integration/bridge_fixture.h"

namespace mcpbridge::test {
namespace {

constexpr char kUrlCapabilities[] = R"({"elicitation":{"url":{ }}})";
constexpr char kUrlParams[] =
    R"({"mode":"url","elicitationId":"e\u002d1","url":"https:\/\/example.com/a?b=\u00e9","message":"Sign in","x":1e400})";
constexpr char kUrlDone[] =
    R"({"jsonrpc":"2.0","method":"notifications/elicitation/complete","params":{"elicitationId":"e\u002d1"}})";
constexpr char kUrlAccept[] = R"({"action":"accept"})";
constexpr char kUrlData[] =
    R"({"elicitations":[{"mode":"url","elicitationId":"e-2","url":"https://example.com/","message":"first"}],"n":9007199254740993})";

bool Contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// Tool `echo` asks, `slow` wants to have been asked before.
FakeAnswer UrlAnswer(const FakeRequest& request, bool modern_server) {
  const bool modern = request.Header("mcp-protocol-version") == "2026-07-28";
  const std::string question =
      std::string(R"("method":"elicitation/create","params":)") + kUrlParams;
  FakeAnswer answer;
  if (request.http_method == "GET") {
    answer.form = FakeAnswer::Form::kSse;
    answer.hold = true;
  } else if (modern != modern_server && !request.method.empty()) {
    answer.http_status = 400;
    answer.error = R"({"code":-32022,"message":"Unsupported protocol version"})";
  } else if (request.method == "server/discover") {
    answer.result =
        R"({"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"resultType":"complete","ttlMs":0,"cacheScope":"private"})";
  } else if (request.method == "subscriptions/listen") {
    return ListenAnswer(request);
  } else if (request.tool == "slow") {
    answer.error = std::string(R"({"code":-32042,"message":"sign in","data":)") + kUrlData + "}";
  } else if (request.tool == "echo" && !modern) {
    answer.form = FakeAnswer::Form::kSse;
    answer.hold = true;
    answer.before = {R"({"jsonrpc":"2.0","id":"e1",)" + question + "}"};
  } else if (request.method.empty()) {
    answer.release_result = TextResult(Contains(request.body, kUrlAccept) ? "\"in\"" : "\"?\"");
  } else if (request.tool == "echo" && Contains(request.params, "inputResponses")) {
    answer.form = FakeAnswer::Form::kSse;
    answer.before = {kUrlDone};
    answer.result = R"({"resultType":"complete","content":[{"type":"text","text":")" +
                    std::string(Contains(request.params, kUrlAccept) ? "in" : "?") + "\"}]}";
  } else if (request.tool == "echo") {
    answer.result = R"({"resultType":"input_required","requestState":"s","inputRequests":{"k":{)" +
                    question + "}}}";
  }
  return answer;
}

struct UrlPair {
  bool modern_client;
  bool modern_server;
};

class UrlElicitationTest : public testing::TestWithParam<UrlPair> {
 protected:
  static bool modern_client() { return GetParam().modern_client; }
  static bool modern_server() { return GetParam().modern_server; }

  Config MakeConfig() {
    upstream_.SetScript(
        [](const FakeRequest& request) { return UrlAnswer(request, modern_server()); });
    Config config = ConfigWith({{"fake", upstream_.url()}});
    config.bridge.drain_grace = std::chrono::milliseconds(50);  // some calls stay unanswered
    return config;
  }
  void SetUp() override {
    ASSERT_TRUE(bridge_.WaitForTools("fake"));
    if (modern_client()) return;
    session_ =
        TestHttpClient(bridge_.http_port())
            .Post(
                std::string(
                    R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":)") +
                kUrlCapabilities + R"(,"clientInfo":{"name":"t","version":"1"}}})")
            .headers["mcp-session-id"];
    ASSERT_FALSE(session_.empty());
  }

  // A call in the client's era; `more`: further members of params.
  TestEventStream Call(const std::string& tool, const std::string& more = "") {
    std::string meta = R"("x":1)";
    TestHttpClient::Headers headers{{"mcp-session-id", session_}};
    if (modern_client()) {
      meta =
          std::string(
              R"("io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":)") +
          kUrlCapabilities;
      headers = {
          {"MCP-Protocol-Version", "2026-07-28"}, {"Mcp-Method", "tools/call"}, {"Mcp-Name", tool}};
    }
    return TestEventStream(bridge_.http_port(), headers, "/mcp",
                           R"({"jsonrpc":"2.0","id":"c","method":"tools/call","params":{"name":")" +
                               tool + R"(","arguments":{},"_meta":{)" + meta + "}" + more + "}}");
  }
  // The next message on a stream, or the whole body of what is none.
  static std::string Next(TestEventStream& stream) {
    if (stream.Header("content-type") != "text/event-stream") return stream.Body();
    auto event = stream.Next(kPatience);
    while (event && event->data.empty()) event = stream.Next(kPatience);  // a priming event
    return event ? event->data : "over";
  }

  FakeMcpServer upstream_{{.sessions = !modern_server()}};
  Bridge bridge_{MakeConfig()};
  std::string session_;
};

INSTANTIATE_TEST_SUITE_P(All, UrlElicitationTest,
                         testing::Values(UrlPair{false, false}, UrlPair{false, true},
                                         UrlPair{true, false}, UrlPair{true, true}),
                         [](const auto& row) {
                           return std::string(row.param.modern_client ? "Modern" : "Legacy") +
                                  "ClientOf" + (row.param.modern_server ? "Modern" : "Legacy") +
                                  "Server";
                         });

TEST_P(UrlElicitationTest, TheQuestionArrivesAsItIsAndItsAnswerToo) {
  TestEventStream call = Call("echo");
  const std::string asked = Next(call);
  EXPECT_TRUE(
      Contains(asked, std::string(R"("method":"elicitation/create","params":)") + kUrlParams))
      << asked;
  const bool told_in_call = modern_server();  // that it is done
  std::string next;
  if (modern_client()) {
    auto result = JsonMembers(JsonMembers(asked)["result"]);
    EXPECT_EQ(result["resultType"], R"("input_required")") << asked;
    const std::string key = JsonMembers(result["inputRequests"]).begin()->first;
    TestEventStream again = Call("echo", R"(,"inputResponses":{")" + key + "\":" + kUrlAccept +
                                             R"(},"requestState":)" + result["requestState"]);
    next = Next(again);
    if (told_in_call) {
      EXPECT_EQ(next, kUrlDone);
      next = Next(again);
    }
  } else {
    const std::string id = JsonMembers(asked)["id"];
    TestHttpClient(bridge_.http_port())
        .Post(R"({"jsonrpc":"2.0","id":)" + id + R"(,"result":)" + kUrlAccept + "}",
              {{"mcp-session-id", session_}});
    next = Next(call);
    if (told_in_call) {
      EXPECT_EQ(next, kUrlDone);
      next = Next(call);
    }
  }
  EXPECT_TRUE(Contains(next, R"("text":"in")")) << next;
}

TEST_P(UrlElicitationTest, TheServerIsToldWhatItsCallerDeclares) {
  TestEventStream call = Call("echo");
  Next(call);
  const auto record = upstream_.Snapshot();
  const FakeRequest last = record.LastCall();
  if (modern_server()) {
    EXPECT_EQ(JsonMembers(
                  JsonMembers(last.params)["_meta"])["io.modelcontextprotocol/clientCapabilities"],
              kUrlCapabilities)
        << last.params;
    return;
  }
  const bool declared =
      std::any_of(record.requests.begin(), record.requests.end(), [](const FakeRequest& request) {
        return request.method == "initialize" &&
               JsonMembers(request.params)["capabilities"] == kUrlCapabilities;
      });
  EXPECT_TRUE(declared) << "in the session that its call is in";
}

TEST_P(UrlElicitationTest, AnErrorThatWantsItFirstKeepsItsData) {
  TestEventStream call = Call("slow");
  const std::string body = Next(call);
  // MCP 2026-07-28 forbids that code.
  const std::string code = modern_client() ? "-32603" : "-32042";
  EXPECT_TRUE(Contains(
      body, R"("error":{"code":)" + code + R"(,"message":"sign in","data":)" + kUrlData + "}"))
      << body;
}

// Only the era before has such streams.
class OwnStreamTest : public UrlElicitationTest {};

INSTANTIATE_TEST_SUITE_P(LegacyClientOfLegacyServer, OwnStreamTest,
                         testing::Values(UrlPair{false, false}));

TEST_P(OwnStreamTest, ThatItIsDoneIsToldOnTheClientsOwnStream) {
  TestEventStream call = Call("echo");
  Next(call);
  TestEventStream own(bridge_.http_port(), {{"mcp-session-id", session_}});
  ASSERT_EQ(own.status(), 200);
  // The shared session's stream, and that of this client's session.
  ASSERT_TRUE(
      upstream_.WaitFor([](const auto& record) { return record.Count("GET") == 2; }, kPatience));
  upstream_.Push(kUrlDone);
  EXPECT_EQ(Next(own), kUrlDone);
}

}  // namespace
}  // namespace mcpbridge::test

// Every client of either era in front of every server of either, over every transport: what works
// there has to work everywhere. A row more is an enumerator more.

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <regex>
#include <string>
#include <tuple>

#include "tests/fakes/fake_json.h"
#include "tests/fakes/fake_mcp_server.h"
#include "tests/fakes/test_http.h"
#include "tests/integration/bridge_fixture.h"

namespace mcpbridge::test {
namespace {

using namespace std::chrono_literals;
using Headers = TestHttpClient::Headers;

enum class ClientEra { kLegacy, kModern };
enum class ServerIs { kLegacy, kModern, kDual };
enum class Transport { kHttp, kStdio };

constexpr char kMeta[] =
    R"("io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"elicitation":{}})";
constexpr char kElicit[] =
    R"("method":"elicitation/create","params":{"message":"who?","requestedSchema":{"type":"object"}}})";
constexpr char kAccept[] = R"({"action":"accept","content":{"name":"Ada"}})";
constexpr char kTools[] =
    R"([{"name":"echo","inputSchema":{"type":"object","properties":{"text":{"type":"string","x-mcp-header":"Text"}}}},)"
    R"({"name":"never","inputSchema":{"type":"object"}},{"name":"steps","inputSchema":{"type":"object"}},)"
    R"({"name":"ask","inputSchema":{"type":"object"}}])";

bool Has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string Greeting(const std::string& said) {
  return TextResult(Has(said, "Ada") ? "\"hello Ada\"" : "\"hello nobody\"");
}

// How a server over HTTP answers, each request in its own era.
FakeAnswer AskOrTell(const FakeRequest& request, bool modern) {
  FakeAnswer answer;
  if (request.method.empty()) {
    answer.release_result = Greeting(request.body);
  } else if (request.tool == "never") {
    answer.never = true;
  } else if (request.tool == "steps") {
    const std::string token = JsonMembers(JsonMembers(request.params)["_meta"])["progressToken"];
    answer.form = FakeAnswer::Form::kSse;
    answer.before = {
        R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":)" + token +
        R"(,"progress":1}})"};
  } else if (request.tool == "ask" && !modern) {
    answer.form = FakeAnswer::Form::kSse;
    answer.hold = true;
    answer.before = {std::string(R"({"jsonrpc":"2.0","id":"e1",)") + kElicit};
  } else if (request.tool == "ask" && Has(request.params, R"("requestState":"s\u0031")")) {
    answer.result = Greeting(JsonMembers(request.params)["inputResponses"]);
  } else if (request.tool == "ask") {
    answer.result =
        std::string(
            R"({"resultType":"input_required","requestState":"s\u0031","inputRequests":{"k":{)") +
        kElicit + "}}";
  } else if (request.tool == "echo" && modern && request.Header("mcp-param-text") != request.text) {
    answer.http_status = 400;
    answer.error = R"({"code":-32020,"message":"Mcp-Param-Text is missing"})";
  }
  return answer;
}

FakeMcpServer::Script ScriptFor(ServerIs server) {
  return [server](const FakeRequest& request) {
    FakeAnswer answer;
    const bool modern = request.Header("mcp-protocol-version") == "2026-07-28";
    const bool unknown = server == ServerIs::kLegacy
                             ? modern
                             : server == ServerIs::kModern && !modern && !request.method.empty();
    if (unknown) {
      answer.http_status = 400;
      answer.error = R"({"code":-32022,"message":"unsupported protocol version"})";
    } else if (request.method == "server/discover") {
      answer.result =
          R"({"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"resultType":"complete","ttlMs":0,"cacheScope":"private"})";
    } else {
      answer = AskOrTell(request, modern);
    }
    return answer;
  };
}

using Row = std::tuple<ClientEra, ServerIs, Transport>;

class EraMatrixTest : public testing::TestWithParam<Row> {
 protected:
  static ClientEra client() { return std::get<0>(GetParam()); }
  static ServerIs server() { return std::get<1>(GetParam()); }
  static bool is_http() { return std::get<2>(GetParam()) == Transport::kHttp; }

  Config MakeConfig() {
    upstream_.SetScript(ScriptFor(server()));
    Config config = ConfigWith({{"fake", upstream_.url()}});
    if (is_http()) return config;
    static constexpr const char* kEras[] = {"legacy", "modern", "dual"};
    config.servers[0].transport = TransportKind::kStdio;
    config.servers[0].command = FAKE_STDIO_SERVER;
    config.servers[0].args = {std::string("--era=") + kEras[static_cast<int>(server())]};
    return config;
  }

  void SetUp() override {
    ASSERT_TRUE(bridge_.WaitForTools("fake"));
    if (client() == ClientEra::kModern) return;
    session_ =
        TestHttpClient(bridge_.http_port())
            .Post(
                R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{"elicitation":{}},"clientInfo":{"name":"t","version":"1"}}})")
            .headers["mcp-session-id"];
    ASSERT_FALSE(session_.empty());
  }

  // A tools/call of the client's own era; `more` are further members of params.
  std::string Call(const std::string& tool, const std::string& more = "") const {
    std::string meta = R"("progressToken":"p")";
    if (client() == ClientEra::kModern) meta += std::string(",") + kMeta;
    return R"({"jsonrpc":"2.0","id":"c","method":"tools/call","params":{"name":")" + tool +
           R"(","arguments":{"text":"hi"},"_meta":{)" + meta + "}" + more + "}}";
  }
  Headers CallHeaders(const std::string& tool) const {
    if (client() == ClientEra::kLegacy) return {{"mcp-session-id", session_}};
    Headers headers{
        {"MCP-Protocol-Version", "2026-07-28"}, {"Mcp-Method", "tools/call"}, {"Mcp-Name", tool}};
    if (tool == "echo") headers.emplace("Mcp-Param-Text", "hi");
    return headers;
  }
  std::string Post(const std::string& tool, const std::string& more = "") {
    return TestHttpClient(bridge_.http_port()).Post(Call(tool, more), CallHeaders(tool)).body;
  }
  // A message to the session, if there is one.
  void Say(const std::string& message) {
    TestHttpClient(bridge_.http_port()).Post(message, {{"mcp-session-id", session_}});
  }

  // Calls `ask` and answers what is asked, as clients of its era do.
  std::string CallAndAnswer() {
    if (client() == ClientEra::kModern) {
      const std::string body = Post("ask");
      static const std::regex kKey(
          R"re("inputRequests":\{"([^"]+)":\{"method":"elicitation/create")re");
      std::smatch key;
      if (!std::regex_search(body, key, kKey)) return body;
      std::string state = JsonMembers(JsonMembers(body)["result"])["requestState"];
      if (!state.empty()) state = R"(,"requestState":)" + state;
      return Post("ask", R"(,"inputResponses":{")" + key[1].str() + "\":" + kAccept + "}" + state);
    }
    auto body = std::async(std::launch::async, [this] { return Post("ask"); });
    const auto give_up = std::chrono::steady_clock::now() + kPatience;
    // An answer to a question that hasn't come yet goes nowhere.
    while (body.wait_for(20ms) != std::future_status::ready &&
           std::chrono::steady_clock::now() < give_up) {
      Say(std::string(R"({"jsonrpc":"2.0","id":1,"result":)") + kAccept + "}");
    }
    return body.get();
  }

  // Waits until `tool` of the stdio server answers with a text that matches.
  bool Until(const std::string& tool, const std::string& pattern) {
    const auto give_up = std::chrono::steady_clock::now() + kPatience;
    const std::regex text("\"text\":\"" + pattern);
    while (std::chrono::steady_clock::now() < give_up) {
      if (std::regex_search(Post(tool), text)) return true;
    }
    return false;
  }
  bool HasArrived() {
    if (!is_http()) return Until("waiting", "1");
    return upstream_.WaitFor([](const auto& record) { return record.held.size() == 1; }, kPatience);
  }
  bool HasBeenCancelled() {
    if (!is_http()) return Until("cancels", "[0-9]");
    return upstream_.WaitFor(
        [](const auto& record) { return record.cancels.size() + record.disconnected.size() > 0; },
        kPatience);
  }

  FakeMcpServer upstream_{{.sessions = server() == ServerIs::kLegacy, .tools = kTools}};
  Bridge bridge_{MakeConfig()};
  std::string session_;
};

TEST_P(EraMatrixTest, ToolCall) {
  for (int i = 0; i < 4; ++i) {  // connections are dealt to the lanes in turn
    const std::string body = Post("echo");
    EXPECT_TRUE(Has(body, R"("text":"hi")")) << body;
    EXPECT_EQ(Has(body, R"("resultType":"complete")"), client() == ClientEra::kModern) << body;
  }
}

TEST_P(EraMatrixTest, Progress) {
  const std::string body = Post("steps");
  EXPECT_TRUE(Has(body, R"("progressToken":"p")")) << body;
  EXPECT_TRUE(Has(body, R"("id":"c","result")")) << body;
}

TEST_P(EraMatrixTest, Cancel) {
  TestHttpClient caller(bridge_.http_port());
  caller.Send(Call("never"), CallHeaders("never"));
  ASSERT_TRUE(HasArrived());
  if (client() == ClientEra::kModern) {
    caller.Close();
  } else {
    Say(R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"c"}})");
  }
  EXPECT_TRUE(HasBeenCancelled());
}

TEST_P(EraMatrixTest, Elicitation) {
  for (int i = 0; i < 2; ++i) {
    if (client() == ClientEra::kLegacy && i > 0) break;  // its question would have another id
    const std::string body = CallAndAnswer();
    EXPECT_TRUE(Has(body, "hello Ada")) << body;
  }
}

std::string NameOfRow(const testing::TestParamInfo<Row>& row) {
  static constexpr const char* kClients[] = {"Legacy", "Modern"};
  static constexpr const char* kServers[] = {"Legacy", "Modern", "Dual"};
  static constexpr const char* kTransports[] = {"Http", "Stdio"};
  return std::string(kClients[static_cast<int>(std::get<0>(row.param))]) + "ClientOf" +
         kServers[static_cast<int>(std::get<1>(row.param))] + "Server" +
         kTransports[static_cast<int>(std::get<2>(row.param))];
}

INSTANTIATE_TEST_SUITE_P(All, EraMatrixTest,
                         testing::Combine(testing::Values(ClientEra::kLegacy, ClientEra::kModern),
                                          testing::Values(ServerIs::kLegacy, ServerIs::kModern,
                                                          ServerIs::kDual),
                                          testing::Values(Transport::kHttp, Transport::kStdio)),
                         NameOfRow);

}  // namespace
}  // namespace mcpbridge::test

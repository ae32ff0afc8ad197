// Every client of either era in front of every server of either, over every transport: what works
// there has to work everywhere. A row more is an enumerator more.

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <regex>
#include <string>
#include <vector>

#include "tests/fakes/fake_json.h"
#include "tests/fakes/fake_mcp_server.h"
#include "tests/fakes/fake_sse_server.h"
#include "tests/fakes/test_http.h"
#include "tests/integration/bridge_fixture.h"

namespace mcpbridge::test {
namespace {

using namespace std::chrono_literals;
using Headers = TestHttpClient::Headers;

enum class ClientEra { kLegacy, kModern };
enum class ServerIs { kLegacy, kModern, kDual };
enum class Transport { kHttp, kSse, kStdio };

constexpr char kMeta[] =
    R"("io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"elicitation":{}})";
constexpr char kElicit[] =
    R"("method":"elicitation/create","params":{"message":"who?","requestedSchema":{"type":"object"}}})";
constexpr char kAccept[] = R"({"action":"accept","content":{"name":"Ada"}})";
constexpr char kSubscriptionId[] = R"("io.modelcontextprotocol/subscriptionId":"l1")";
constexpr char kListChanged[] = "notifications/tools/list_changed";

// Those of a server over HTTP or HTTP+SSE; `grown`: one more.
std::string Tools(bool grown = false) {
  return std::string(
             R"([{"name":"echo","inputSchema":{"type":"object","properties":{"text":{"type":"string","x-mcp-header":"Text"}}}},)"
             R"({"name":"never","inputSchema":{"type":"object"}},{"name":"steps","inputSchema":{"type":"object"}},)"
             R"({"name":"grow","inputSchema":{"type":"object"}},{"name":"ask","inputSchema":{"type":"object"}})") +
         (grown ? R"(,{"name":"grown","inputSchema":{"type":"object"}}])" : "]");
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

FakeMcpServer::Script ScriptFor(ServerIs server, std::shared_ptr<std::atomic<bool>> grown) {
  return [server, grown](const FakeRequest& request) {
    FakeAnswer answer;
    if (request.http_method == "GET") {
      answer.form = FakeAnswer::Form::kSse;
      answer.hold = true;
      return answer;
    }
    const bool modern = request.Header("mcp-protocol-version") == "2026-07-28";
    const bool unknown = server == ServerIs::kLegacy
                             ? modern
                             : server == ServerIs::kModern && !modern && !request.method.empty();
    if (unknown) {
      answer.http_status = 400;
      answer.error = R"({"code":-32022,"message":"unsupported protocol version"})";
    } else if (request.method == "server/discover") {
      answer.result =
          R"({"supportedVersions":["2026-07-28"],"capabilities":{"tools":{"listChanged":true}},"resultType":"complete","ttlMs":0,"cacheScope":"private"})";
    } else if (request.method == "subscriptions/listen") {
      return ListenAnswer(request);
    } else if (request.method == "tools/list") {
      answer.result = R"({"tools":)" + Tools(*grown) + "}";
    } else {
      answer = AskOrTell(request, modern);
    }
    return answer;
  };
}

// The same over HTTP+SSE, where there is the older era only.
FakeSseServer::Script SseScript(std::shared_ptr<std::atomic<bool>> grown) {
  auto asking = std::make_shared<std::string>();  // the id of the call that waits for an answer
  return [grown, asking](const FakeRequest& request) {
    FakeSseServer::Post post;
    const std::string result = R"({"jsonrpc":"2.0","id":ID,"result":)";
    if (request.method == "tools/list") {
      post.reply = result + R"({"tools":)" + Tools(*grown) + "}}";
    } else if (request.method.empty() && !asking->empty()) {
      post.before = {ResultMessage(*asking, Greeting(request.body))};
    } else if (request.tool == "never") {
      post.silent = true;
    } else if (request.tool == "ask") {
      *asking = request.id;
      post.silent = true;
      post.before = {std::string(R"({"jsonrpc":"2.0","id":"e1",)") + kElicit};
    } else if (request.tool == "steps") {
      const std::string token = JsonMembers(JsonMembers(request.params)["_meta"])["progressToken"];
      post.before = {
          R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":)" +
          token + R"(,"progress":1}})"};
    }
    return post;
  };
}

struct Row {
  ClientEra client;
  ServerIs server;
  Transport transport;
};

// All that there is: MCP 2026-07-28 has no HTTP+SSE, so no server of it is reached that way.
std::vector<Row> Rows() {
  std::vector<Row> rows;
  for (const ClientEra client : {ClientEra::kLegacy, ClientEra::kModern}) {
    for (const ServerIs server : {ServerIs::kLegacy, ServerIs::kModern, ServerIs::kDual}) {
      for (const Transport transport : {Transport::kHttp, Transport::kSse, Transport::kStdio}) {
        if (transport == Transport::kSse && server != ServerIs::kLegacy) continue;
        rows.push_back({client, server, transport});
      }
    }
  }
  return rows;
}

class EraMatrixTest : public testing::TestWithParam<Row> {
 protected:
  static ClientEra client() { return GetParam().client; }
  static ServerIs server() { return GetParam().server; }
  static bool is_http() { return GetParam().transport == Transport::kHttp; }
  static bool is_sse() { return GetParam().transport == Transport::kSse; }

  Config MakeConfig() {
    upstream_.SetScript(ScriptFor(server(), grown_));
    sse_.SetScript(SseScript(grown_));
    Config config = ConfigWith({{"fake", is_sse() ? sse_.url() : upstream_.url()}});
    if (is_sse()) config.servers[0].transport = TransportKind::kSse;
    if (is_http() || is_sse()) return config;
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
    const auto has_come = [](const auto& record) {
      return std::any_of(record.requests.begin(), record.requests.end(),
                         [](const FakeRequest& request) { return request.tool == "never"; });
    };
    if (is_sse()) return sse_.WaitFor(has_come, kPatience);
    return is_http() ? upstream_.WaitFor(has_come, kPatience) : Until("waiting", "1");
  }
  bool HasBeenCancelled() {
    if (is_sse()) {
      return sse_.WaitFor([](const auto& record) { return !record.cancels.empty(); }, kPatience);
    }
    if (!is_http()) return Until("cancels", "[0-9]");
    return upstream_.WaitFor(
        [](const auto& record) { return record.cancels.size() + record.disconnected.size() > 0; },
        kPatience);
  }

  // The server has a tool more, and says so as servers of its eras do.
  void Grow() {
    *grown_ = true;
    if (is_http()) {
      // Whoever will hear of it listens by now.
      const auto listens = [](const FakeMcpServer::Record& record) {
        return record.Count("subscriptions/listen") > 0 || record.Count("GET") > 0;
      };
      ASSERT_TRUE(upstream_.WaitFor(listens, kPatience));
      upstream_.Push(std::string(R"({"jsonrpc":"2.0","method":")") + kListChanged + "\"}");
      upstream_.PushToListeners(kListChanged, "", "toolsListChanged");
    } else if (is_sse()) {
      sse_.SayOnAll(std::string(R"({"jsonrpc":"2.0","method":")") + kListChanged + "\"}");
    } else if (client() == ClientEra::kModern && server() != ServerIs::kLegacy) {
      Post("grow");  // in the process that serves that era
    } else {
      grpc::ClientContext context;
      v1::CallToolRequest request;
      request.set_name("grow");
      v1::CallToolResponse response;
      EXPECT_TRUE(bridge_.Stub()->CallTool(&context, request, &response).ok());
    }
  }

  // A stream on which the client hears of changes, and has heard nothing yet.
  std::unique_ptr<TestEventStream> Listen() {
    if (client() == ClientEra::kLegacy) {
      auto stream = std::make_unique<TestEventStream>(bridge_.http_port(),
                                                      Headers{{"mcp-session-id", session_}});
      EXPECT_TRUE(stream->Next()->data.empty());
      return stream;
    }
    auto stream = std::make_unique<TestEventStream>(
        bridge_.http_port(),
        Headers{{"MCP-Protocol-Version", "2026-07-28"}, {"Mcp-Method", "subscriptions/listen"}},
        "/mcp",
        std::string(
            R"({"jsonrpc":"2.0","id":"l1","method":"subscriptions/listen","params":{"notifications":{"toolsListChanged":true},"_meta":{)") +
            kMeta + "}}}");
    const auto first = stream->Next();
    EXPECT_TRUE(first);
    if (first) {
      EXPECT_TRUE(Has(first->data, "notifications/subscriptions/acknowledged")) << first->data;
      EXPECT_TRUE(Has(first->data, R"("toolsListChanged":true)")) << first->data;
      EXPECT_TRUE(Has(first->data, kSubscriptionId)) << first->data;
    }
    return stream;
  }

  const std::shared_ptr<std::atomic<bool>> grown_ = std::make_shared<std::atomic<bool>>(false);
  FakeMcpServer upstream_{{.sessions = server() != ServerIs::kModern,
                           .modern_too = server() == ServerIs::kDual,
                           .tools = Tools()}};
  FakeSseServer sse_;
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

TEST_P(EraMatrixTest, ListChange) {
  const auto stream = Listen();
  Grow();
  const auto told = stream->Next();
  ASSERT_TRUE(told);
  EXPECT_TRUE(Has(told->data, kListChanged)) << told->data;
  EXPECT_EQ(Has(told->data, kSubscriptionId), client() == ClientEra::kModern) << told->data;
}

std::string NameOfRow(const testing::TestParamInfo<Row>& row) {
  static constexpr const char* kClients[] = {"Legacy", "Modern"};
  static constexpr const char* kServers[] = {"Legacy", "Modern", "Dual"};
  static constexpr const char* kTransports[] = {"Http", "Sse", "Stdio"};
  return std::string(kClients[static_cast<int>(row.param.client)]) + "ClientOf" +
         kServers[static_cast<int>(row.param.server)] + "Server" +
         kTransports[static_cast<int>(row.param.transport)];
}

INSTANTIATE_TEST_SUITE_P(All, EraMatrixTest, testing::ValuesIn(Rows()), NameOfRow);

}  // namespace
}  // namespace mcpbridge::test

// Every row of the error table (server/base/error.cc), provoked through a whole bridge on both
// fronts; over gRPC as a status, or as the answer to a message on a Connect. How each row is
// written, the unit tests show.

#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>
#include <grpcpp/client_context.h>
#include <gtest/gtest.h>
#include <openssl/rand.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "mcpbridge/v1/prompt_service.grpc.pb.h"
#include "mcpbridge/v1/resource_service.grpc.pb.h"
#include "mcpbridge/v1/session_service.grpc.pb.h"
#include "tests/fakes/fake_json.h"
#include "tests/fakes/fake_mcp_server.h"
#include "tests/fakes/test_http.h"
#include "tests/integration/bridge_fixture.h"

namespace mcpbridge::test {
namespace {

using Headers = TestHttpClient::Headers;

constexpr char kKey[] = "sk-test";
constexpr char kPrompts[] = R"([{"name":"greet"}])";
constexpr char kModernMeta[] =
    R"("_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}})";

constexpr char kUnknownMeta[] =
    R"("_meta":{"io.modelcontextprotocol/protocolVersion":"2027-01-01","io.modelcontextprotocol/clientCapabilities":{}})";
constexpr char kCancelIt[] =
    R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}})";

std::string Message(const std::string& method, const std::string& params) {
  return R"({"jsonrpc":"2.0","id":1,"method":")" + method + R"(","params":{)" + params + "}}";
}

// What the text of a call makes of it.
FakeAnswer Faulty(const FakeRequest& request) {
  FakeAnswer answer;
  if (request.text == "lost") answer.cut = FakeAnswer::Cut::kBeforeHeaders;
  if (request.text == "status") answer.http_status = 500, answer.body = "oops";
  if (request.text == "garbage") answer.body = "garbage";
  if (request.text == "refused") answer.error = R"({"code":-32603,"message":"no"})";
  if (request.text == "large") answer.pad_bytes = 2 << 20;
  if (request.text == "held") answer.hold = true;
  if (request.text == "asks") {
    answer.hold = true;
    answer.form = FakeAnswer::Form::kSse;
    answer.before = {R"({"jsonrpc":"2.0","id":"q","method":"roots/list"})"};
  }
  return answer;
}

// A server of MCP 2026-07-28 only, whose tools all want to ask their caller something.
FakeAnswer Asking(const FakeRequest& request) {
  FakeAnswer answer;
  if (request.Header("mcp-protocol-version") != "2026-07-28") {
    answer.http_status = 404;
    answer.error = R"({"code":-32601,"message":"Method not found"})";
  } else if (request.method == "server/discover") {
    answer.result =
        R"({"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"resultType":"complete","ttlMs":0,"cacheScope":"private"})";
  } else if (request.method == "tools/call") {
    answer.result =
        R"({"resultType":"input_required","inputRequests":{"a":{"method":"sampling/createMessage","params":{}}}})";
  }
  return answer;
}

// While it is there, OpenSSL has no random bits for anybody in this process.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"  // there is no other way but a provider
class NoRandomBits {
 public:
  NoRandomBits() {
    static const RAND_METHOD kNone = {
        .seed = nullptr,
        .bytes = [](unsigned char*, int) { return 0; },
        .cleanup = nullptr,
        .add = nullptr,
        .pseudorand = [](unsigned char*, int) { return 0; },
        .status = [] { return 0; },
    };
    RAND_set_rand_method(&kNone);
  }
  ~NoRandomBits() { RAND_set_rand_method(RAND_OpenSSL()); }
  NoRandomBits(const NoRandomBits&) = delete;
  NoRandomBits& operator=(const NoRandomBits&) = delete;
};
#pragma GCC diagnostic pop

// A bridge in front of servers that fail as they are told, and both ways to it.
class Stage {
 public:
  explicit Stage(const std::function<void(Config&)>& change = [](Config&) {}) {
    one_.SetScript(Faulty);
    asking_.SetScript(Asking);
    Config config = ConfigWith({{"asking", asking_.url()},
                                {"dead", "http://127.0.0.1:1/mcp"},
                                {"one", one_.url()},
                                {"two", two_.url()}});
    config.master_key = kKey;
    config.servers[0].protocol = Protocol::kModern;
    config.servers[3].disallowed_tools = {"slow"};
    config.bridge.limits.response_bytes = 1 << 20;
    change(config);
    bridge_ = std::make_unique<Bridge>(std::move(config));
    for (const char* name : {"asking", "one", "two"}) EXPECT_TRUE(bridge_->WaitForTools(name));
    channel_ = bridge_->Channel();
  }

  TestResponse Http(const std::string& body, const Headers& more = {},
                    const std::string& path = "/mcp", const std::string& method = "POST") {
    Headers headers = more;
    headers.emplace("x-litellm-api-key", kKey);
    return TestHttpClient(bridge_->http_port()).Request(method, path, body, headers);
  }
  TestResponse HttpCall(const std::string& tool, const std::string& text,
                        const Headers& headers = {}) {
    return Http(CallMessage("1", tool, text), headers);
  }
  TestResponse Initialize() {
    return Http(Message(
        "initialize",
        R"("protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"})"));
  }
  std::string OpenSession() { return Initialize().headers["mcp-session-id"]; }

  // One RPC of `stub`'s, with these metadata and this time.
  template <class Stub, class Request, class Response>
  grpc::Status Rpc(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                   Stub& stub, const Request& request, const Headers& more = {},
                   std::chrono::milliseconds time = kPatience) {
    grpc::ClientContext context;
    Headers metadata = more;
    metadata.emplace("x-litellm-api-key", kKey);
    for (const auto& [name, value] : metadata) context.AddMetadata(name, value);
    context.set_deadline(std::chrono::system_clock::now() + time);
    Response response;
    return (stub.*method)(&context, request, &response);
  }
  grpc::Status GrpcCall(const std::string& tool, const std::string& text,
                        const Headers& metadata = {}, std::chrono::milliseconds time = kPatience,
                        const std::string& server = {}) {
    v1::CallToolRequest request;
    request.set_server(server);
    request.set_name(tool);
    request.set_arguments_json(text == "[" ? text : R"({"text":")" + text + R"("})");
    if (text == "asks") {
      auto& capabilities = *request.mutable_client_capabilities()->mutable_fields();
      capabilities["roots"].mutable_struct_value();
    }
    v1::ToolService::Stub stub(channel_);
    return Rpc(&v1::ToolService::Stub::CallTool, stub, request, metadata, time);
  }
  // The first answer to messages on a Connect.
  std::string Connect(const std::vector<std::string>& messages) {
    v1::ConnectResponse first;
    OnConnect(messages, [&](auto& stream) { stream.Read(&first); });
    return first.message();
  }
  grpc::Status GrpcPrompt(const std::string& name) {
    v1::GetPromptRequest request;
    request.set_name(name);
    v1::PromptService::Stub stub(channel_);
    return Rpc(&v1::PromptService::Stub::GetPrompt, stub, request);
  }
  grpc::Status GrpcResource(const std::string& uri) {
    v1::ReadResourceRequest request;
    request.set_uri(uri);
    v1::ResourceService::Stub stub(channel_);
    return Rpc(&v1::ResourceService::Stub::ReadResource, stub, request);
  }

  FakeMcpServer& one() { return one_; }
  Bridge& bridge() { return *bridge_; }

 private:
  // Opens a Connect, says `messages`, and lets `then` go on with the stream, which ends then.
  template <class Then>
  grpc::Status OnConnect(const std::vector<std::string>& messages, Then then) {
    grpc::ClientContext context;
    context.AddMetadata("x-litellm-api-key", kKey);
    context.set_deadline(std::chrono::system_clock::now() + kPatience);
    const auto stub = v1::SessionService::NewStub(channel_);
    const auto stream = stub->Connect(&context);
    v1::ConnectRequest request;
    for (const std::string& message : messages) {
      request.set_message(message);
      stream->Write(request);
    }
    then(*stream);
    stream->WritesDone();
    return stream->Finish();
  }

  FakeMcpServer one_{{.prompts = kPrompts}};
  FakeMcpServer two_{{.prompts = kPrompts}};
  FakeMcpServer asking_{{.sessions = false}};
  std::unique_ptr<Bridge> bridge_;
  std::shared_ptr<grpc::Channel> channel_;
};

// How a reason is come by; null where there is no such way to it.
struct Row {
  Reason reason;
  std::function<TestResponse()> http;
  std::function<grpc::Status()> grpc;
  std::function<std::string()> connect = nullptr;
};

bool HasRetryInfo(const grpc::Status& status) {
  google::rpc::Status details;
  details.ParseFromString(status.error_details());
  google::rpc::RetryInfo retry;
  for (const auto& any : details.details()) {
    if (any.UnpackTo(&retry)) return true;
  }
  return false;
}

void CheckHttp(const ReasonInfo& info, Reason reason, TestResponse response) {
  EXPECT_EQ(response.status, info.http_status) << info.name << ": " << response.body;
  EXPECT_NE(response.body.find("\"code\":" + std::to_string(info.jsonrpc_code)), std::string::npos)
      << info.name << ": " << response.body;
  // A server's own error passes as it is.
  EXPECT_EQ(ReasonOf(response.body), reason == Reason::kUpstreamError ? "" : info.name)
      << response.body;
  const bool may_retry = info.retryable && info.http_status == 503;
  EXPECT_EQ(response.headers.count("retry-after"), may_retry ? 1u : 0u) << info.name;
}

void CheckGrpc(const ReasonInfo& info, Reason reason, const grpc::Status& status) {
  // A server's own -32603 is INTERNAL: its code decides.
  const int code = reason == Reason::kUpstreamError ? static_cast<int>(grpc::StatusCode::INTERNAL)
                                                    : info.grpc_code;
  EXPECT_EQ(status.error_code(), code) << info.name << ": " << status.error_message();
  EXPECT_EQ(ReasonOf(status), info.name) << status.error_message();
  EXPECT_EQ(HasRetryInfo(status), info.retryable) << info.name;
}

void CheckConnect(const ReasonInfo& info, const std::string& message) {
  EXPECT_NE(message.find("\"code\":" + std::to_string(info.jsonrpc_code)), std::string::npos)
      << info.name << ": " << message;
  EXPECT_EQ(ReasonOf(message), info.name) << message;
}

// What only HTTP has.
const std::set<Reason> kHttpOnly = {
    Reason::kRequestTooLarge,  // gRPC itself refuses such a message, without details
    Reason::kPathNotFound,         Reason::kMethodNotAllowed, Reason::kNotAcceptable,
    Reason::kUnsupportedMediaType, Reason::kOriginNotAllowed, Reason::kHostNotAllowed,
    Reason::kHeaderMismatch,       Reason::kSessionNotFound,  Reason::kStreamTaken,
};
// What only a Connect has, whose client doesn't read (connect_test.cc).
const std::set<Reason> kGrpcOnly = {Reason::kReaderTooSlow};
// Over HTTP it is in translation_test.cc.
const std::set<Reason> kElsewhere = {Reason::kQuestionNotKept};

TEST(FailuresTest, EveryRowIsWhatBothFrontsAnswer) {
  Stage stage;
  Stage busy([](Config& config) { config.bridge.limits.in_flight_calls = 1; });
  Stage stopping;
  const std::string good = CallMessage("1", "one-echo", "x");
  const std::string session = stage.OpenSession();
  TestEventStream taken(stage.bridge().http_port(),
                        {{"Mcp-Session-Id", session}, {"x-litellm-api-key", kKey}});
  EXPECT_EQ(taken.status(), 200);
  TestHttpClient holder(busy.bridge().http_port());
  holder.Send(CallMessage("1", "one-echo", "held"), {{"x-litellm-api-key", kKey}});
  ASSERT_TRUE(
      busy.one().WaitFor([](const auto& record) { return record.held.size() == 1; }, kPatience));
  stopping.bridge().app().service().gate().Close();
  const auto cancelled = [&] {
    TestHttpClient caller(stage.bridge().http_port());
    caller.Send(CallMessage("1", "one-echo", "held"),
                {{"Mcp-Session-Id", session}, {"x-litellm-api-key", kKey}});
    EXPECT_TRUE(
        stage.one().WaitFor([](const auto& record) { return record.held.size() == 1; }, kPatience));
    stage.Http(kCancelIt, {{"Mcp-Session-Id", session}});
    return caller.Receive();
  };
  using namespace std::chrono_literals;
  const std::vector<Row> rows = {
      {Reason::kInvalidJson, [&] { return stage.Http("{"); }, nullptr,
       [&] { return stage.Connect({"{"}); }},
      {Reason::kInvalidRequest, [&] { return stage.Http(R"({"id":1,"method":"ping"})"); },
       [&] {
         return stage.GrpcCall("one-echo", "x", {{"x-mcp-servers", ","}});
       }},
      {Reason::kMethodNotFound, [&] { return stage.Http(Message("no/such", "")); }, nullptr,
       [&] { return stage.Connect({Message("no/such", "")}); }},
      {Reason::kInvalidArguments, [&] { return stage.Http(Message("tools/call", "")); },
       [&] { return stage.GrpcCall("one-echo", "["); }},
      {Reason::kServerNotFound, [&] { return stage.Http(good, {}, "/mcp/nobody"); },
       [&] { return stage.GrpcCall("echo", "x", {}, kPatience, "nobody"); }},
      {Reason::kToolNotFound, [&] { return stage.HttpCall("one-nothing", "x"); },
       [&] { return stage.GrpcCall("one-nothing", "x"); }},
      {Reason::kToolAmbiguous, [&] { return stage.HttpCall("echo", "x"); },
       [&] { return stage.GrpcCall("echo", "x"); }},
      {Reason::kToolNotAllowed, [&] { return stage.HttpCall("two-slow", "x"); },
       [&] { return stage.GrpcCall("two-slow", "x"); }},
      {Reason::kPromptNotFound,
       [&] { return stage.Http(Message("prompts/get", R"("name":"one-nothing")")); },
       [&] { return stage.GrpcPrompt("one-nothing"); }},
      {Reason::kPromptAmbiguous,
       [&] { return stage.Http(Message("prompts/get", R"("name":"greet")")); },
       [&] { return stage.GrpcPrompt("greet"); }},
      {Reason::kResourceNotFound,
       [&] { return stage.Http(Message("resources/read", R"("uri":"no:where")")); },
       [&] { return stage.GrpcResource("no:where"); }},
      {Reason::kUnauthenticated,
       [&] {
         return stage.HttpCall("one-echo", "x", {{"x-litellm-api-key", "another"}});
       },
       [&] {
         return stage.GrpcCall("one-echo", "x", {{"x-litellm-api-key", "another"}});
       }},
      {Reason::kRequestTooLarge, [&] { return stage.Http(std::string(5 << 20, ' ')); }, nullptr},
      {Reason::kPathNotFound, [&] { return stage.Http(good, {}, "/no/such/path"); }, nullptr},
      {Reason::kMethodNotAllowed, [&] { return stage.Http(good, {}, "/mcp", "PUT"); }, nullptr},
      {Reason::kNotAcceptable,
       [&] {
         return stage.Http(good, {{"Accept", "text/html"}});
       },
       nullptr},
      {Reason::kUnsupportedMediaType,
       [&] {
         return stage.Http(good, {{"Content-Type", "text/plain"}});
       },
       nullptr},
      {Reason::kOriginNotAllowed,
       [&] {
         return stage.Http(good, {{"Origin", "https://evil.example.com"}});
       },
       nullptr},
      {Reason::kHostNotAllowed,
       [&] {
         return stage.Http(good, {{"Host", "evil.example.com"}});
       },
       nullptr},
      {Reason::kUnsupportedProtocolVersion,
       [&] {
         return stage.Http(good, {{"MCP-Protocol-Version", "2020-01-01"}});
       },
       nullptr, [&] { return stage.Connect({Message("tools/list", kUnknownMeta)}); }},
      {Reason::kHeaderMismatch, [&] { return stage.Http(Message("tools/list", kModernMeta)); },
       nullptr},
      {Reason::kMissingClientCapability, [&] { return stage.HttpCall("asking-echo", "x"); },
       [&] { return stage.GrpcCall("asking-echo", "x"); }},
      {Reason::kSessionNotFound,
       [&] {
         return stage.Http(good, {{"Mcp-Session-Id", "none"}});
       },
       nullptr},
      {Reason::kStreamTaken,
       [&] {
         return stage.Http("", {{"Mcp-Session-Id", session}, {"Accept", "text/event-stream"}},
                           "/mcp", "GET");
       },
       nullptr},
      {Reason::kDeadlineExceeded,
       [&] {
         return stage.HttpCall("one-echo", "held", {{"grpc-timeout", "50m"}});
       },
       // At a server's own time: at the caller's, gRPC's client says so itself.
       [&] {
         Stage quick([](Config& config) { config.servers[2].timeout = 50ms; });
         return quick.GrpcCall("one-echo", "held");
       }},
      // A caller of any other RPC that cancels isn't told any more.
      {Reason::kCancelled, cancelled, nullptr,
       [&] {
         return stage.Connect({CallMessage("1", "one-echo", "held"), kCancelIt});
       }},
      {Reason::kOverloaded, [&] { return busy.HttpCall("one-echo", "x"); },
       [&] { return busy.GrpcCall("one-echo", "x"); }},
      {Reason::kShuttingDown, [&] { return stopping.HttpCall("one-echo", "x"); },
       [&] { return stopping.GrpcCall("one-echo", "x"); }},
      // Without random bits there is no id for a session, and no state for a question.
      {Reason::kInternal,
       [&] {
         const NoRandomBits none;
         return stage.Initialize();
       },
       [&] {
         const NoRandomBits none;
         return stage.GrpcCall("one-echo", "asks");
       }},
      {Reason::kUpstreamUnavailable, [&] { return stage.HttpCall("dead-echo", "x"); },
       [&] { return stage.GrpcCall("dead-echo", "x"); }},
      {Reason::kUpstreamLost, [&] { return stage.HttpCall("one-echo", "lost"); },
       [&] { return stage.GrpcCall("one-echo", "lost"); }},
      {Reason::kUpstreamHttpStatus, [&] { return stage.HttpCall("one-echo", "status"); },
       [&] { return stage.GrpcCall("one-echo", "status"); }},
      {Reason::kUpstreamProtocol, [&] { return stage.HttpCall("one-echo", "garbage"); },
       [&] { return stage.GrpcCall("one-echo", "garbage"); }},
      {Reason::kUpstreamError, [&] { return stage.HttpCall("one-echo", "refused"); },
       [&] { return stage.GrpcCall("one-echo", "refused"); }},
      {Reason::kResponseTooLarge, [&] { return stage.HttpCall("one-echo", "large"); },
       [&] { return stage.GrpcCall("one-echo", "large"); }},
      {Reason::kQuestionNotKept, nullptr,
       [&] {
         Stage full([](Config& config) { config.bridge.limits.parked_calls = 1; });
         full.GrpcCall("one-echo", "asks");
         return full.GrpcCall("one-echo", "asks");
       }},
  };
  std::set<Reason> http;
  std::set<Reason> grpc;
  for (const Row& row : rows) {
    const ReasonInfo& info = InfoOf(row.reason);
    if (row.http) {
      CheckHttp(info, row.reason, row.http());
      http.insert(row.reason);
    }
    if (row.grpc) CheckGrpc(info, row.reason, row.grpc());
    if (row.connect) CheckConnect(info, row.connect());
    if (row.grpc || row.connect) grpc.insert(row.reason);
  }
  for (const Reason reason : AllReasons()) {
    const bool not_here = kGrpcOnly.contains(reason) || kElsewhere.contains(reason);
    EXPECT_NE(http.contains(reason), not_here) << InfoOf(reason).name;
    const bool not_grpc = kHttpOnly.contains(reason) || kGrpcOnly.contains(reason);
    EXPECT_NE(grpc.contains(reason), not_grpc) << InfoOf(reason).name;
  }
  busy.one().ReleaseAll();
}

}  // namespace
}  // namespace mcpbridge::test

// The services of mcpbridge.v1 beyond CallTool, through a real front and a fake MCP server.

#include <gmock/gmock.h>
#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>
#include <mcpbridge/v1/completion_service.grpc.pb.h>
#include <mcpbridge/v1/prompt_service.grpc.pb.h>
#include <mcpbridge/v1/resource_service.grpc.pb.h>

#include <thread>
#include <vector>

#include "server/frontend/grpc/call_timing.h"
#include "tests/unit/grpc_fixture.h"

namespace mcpbridge {
namespace {

using namespace std::chrono_literals;

std::string ReasonOf(const grpc::Status& status) {
  google::rpc::Status details;
  google::rpc::ErrorInfo info;
  if (!details.ParseFromString(status.error_details()) || details.details_size() == 0 ||
      !details.details(0).UnpackTo(&info)) {
    return "no details: " + status.error_message();
  }
  return info.reason();
}

std::string Progress(const FakeRequest& request, int progress, const std::string& message) {
  return R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":)" +
         request.id + R"(,"progress":)" + std::to_string(progress) + R"(,"total":10,"message":")" +
         message + "\"}}";
}

std::string Log(const std::string& level, const std::string& text) {
  return R"({"jsonrpc":"2.0","method":"notifications/message","params":{"level":")" + level +
         R"(","data":")" + text + "\"}}";
}

// One CallToolStream with its context.
class Stream {
 public:
  Stream(GrpcBridge& bridge, const v1::CallToolStreamRequest& request,
         std::chrono::milliseconds timeout = 10s) {
    context_.set_deadline(std::chrono::system_clock::now() + timeout);
    reader_ = bridge.tools().CallToolStream(&context_, request);
  }

  // The next event; one without any: there is none.
  v1::CallToolStreamResponse Next() {
    v1::CallToolStreamResponse event;
    reader_->Read(&event);
    return event;
  }
  grpc::Status Finish() { return reader_->Finish(); }
  void Cancel() { context_.TryCancel(); }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<v1::CallToolStreamResponse>> reader_;
};

v1::CallToolStreamRequest StreamOf(const std::string& tool) {
  v1::CallToolStreamRequest request;
  request.mutable_call()->set_name(tool);
  return request;
}

class GrpcServicesTest : public testing::Test {
 protected:
  FakeMcpServer upstream_{{.sessions = true,
                           .resources = R"([{"uri":"test://a","name":"a","size":3}])",
                           .templates = R"([{"uriTemplate":"test://{id}","name":"t"}])",
                           .prompts = R"([{"name":"greet","arguments":[{"name":"who"}]}])"}};
};

TEST_F(GrpcServicesTest, AStreamTellsItsEventsAndThenTheResult) {
  upstream_.SetScript([](const FakeRequest& request) {
    if (request.tool != "slow") return FakeAnswer{};
    return FakeAnswer{.form = FakeAnswer::Form::kSse,
                      .before = {Progress(request, 3, "started"), Log("info", "working"),
                                 Log("debug", "details"), Progress(request, 7, "more")}};
  });
  GrpcBridge bridge(ConfigFor(upstream_));
  v1::CallToolStreamRequest request = StreamOf("slow");
  request.set_log_level("info");
  Stream stream(bridge, request);
  const auto first = stream.Next();
  EXPECT_EQ(first.progress().progress(), 3);
  EXPECT_EQ(first.progress().total(), 10);
  EXPECT_EQ(first.progress().message(), "started");
  EXPECT_EQ(stream.Next().log_message().data().string_value(), "working");
  EXPECT_EQ(stream.Next().progress().message(), "more");
  const auto last = stream.Next();
  ASSERT_TRUE(last.has_result()) << last.ShortDebugString();
  EXPECT_EQ(last.result().content_size(), 1);
  EXPECT_EQ(last.dropped(), 0);
  EXPECT_EQ(stream.Next().event_case(), v1::CallToolStreamResponse::EVENT_NOT_SET);
  EXPECT_TRUE(stream.Finish().ok());
}

TEST_F(GrpcServicesTest, EventsArriveWhileTheToolRuns) {
  upstream_.SetScript([](const FakeRequest& request) {
    if (request.tool != "slow") return FakeAnswer{};
    return FakeAnswer{
        .hold = true, .form = FakeAnswer::Form::kSse, .before = {Progress(request, 1, "now")}};
  });
  GrpcBridge bridge(ConfigFor(upstream_));
  Stream stream(bridge, StreamOf("slow"));
  EXPECT_EQ(stream.Next().progress().message(), "now");
  EXPECT_EQ(upstream_.ReleaseAll(), 1u);
  EXPECT_TRUE(stream.Next().has_result());
  EXPECT_TRUE(stream.Finish().ok());
}

TEST_F(GrpcServicesTest, ATrailerTellsWhereTheTimeWent) {
  GrpcBridge bridge(ConfigFor(upstream_));
  const auto timing_of = [&](const v1::CallToolRequest& request) {
    grpc::ClientContext context;
    v1::CallToolResponse response;
    bridge.tools().CallTool(&context, request, &response);
    const auto& trailers = context.GetServerTrailingMetadata();
    const auto timing = trailers.find("mcpbridge-timing");
    return timing == trailers.end() ? std::string()
                                    : std::string(timing->second.data(), timing->second.size());
  };
  v1::CallToolRequest request;
  EXPECT_THAT(timing_of(request), testing::MatchesRegex("total=[0-9]+[.][0-9][0-9]"));
  request.set_name("echo");
  EXPECT_THAT(
      timing_of(request),
      testing::MatchesRegex("queue=[0-9.]+, connect=[0-9.]+, first=[0-9.]+, total=[0-9.]+"));
}

TEST(CallTimingTest, StepsThatItNeverCameToAreLeftOut) {
  using std::chrono::microseconds;
  const CallTiming::Clock::time_point start{std::chrono::hours(1)};
  CallTiming timing;
  timing.Arrive(start);
  EXPECT_EQ(timing.Text(start + microseconds(1250)), "total=1.25");
  timing.Begin(start + microseconds(20));
  EXPECT_EQ(timing.Text(start + microseconds(1250)), "queue=0.02, total=1.25");
  timing.Connect(start + microseconds(100));
  timing.Connect(start + microseconds(920));
  EXPECT_EQ(timing.Text(start + microseconds(1250)), "queue=0.02, connect=0.90, total=1.25");
  timing.Hear(start + microseconds(1020));
  timing.Hear(start + microseconds(1200));
  EXPECT_EQ(timing.Text(start + microseconds(1250)),
            "queue=0.02, connect=0.90, first=1.00, total=1.25");
}

TEST_F(GrpcServicesTest, AStreamFailsAsACallDoes) {
  GrpcBridge bridge(ConfigFor(upstream_));
  bridge.WaitForTools();
  EXPECT_EQ(ReasonOf(Stream(bridge, StreamOf("no_such_tool")).Finish()), "TOOL_NOT_FOUND");
  EXPECT_EQ(ReasonOf(Stream(bridge, StreamOf("")).Finish()), "INVALID_ARGUMENTS");
  v1::CallToolStreamRequest request = StreamOf("echo");
  request.set_log_level("loud");
  EXPECT_EQ(ReasonOf(Stream(bridge, request).Finish()), "INVALID_ARGUMENTS");
  upstream_.OnTool("echo", {.error = R"({"code":-32602,"message":"bad"})"});
  EXPECT_EQ(ReasonOf(Stream(bridge, StreamOf("echo")).Finish()), "UPSTREAM_ERROR");
  upstream_.OnTool("echo", {.result = R"({"content":7})"});
  EXPECT_EQ(ReasonOf(Stream(bridge, StreamOf("echo")).Finish()), "UPSTREAM_PROTOCOL");
}

TEST_F(GrpcServicesTest, AStreamThatIsCancelledOrLateEndsAloneAndItsServerIsTold) {
  upstream_.SetScript([](const FakeRequest& request) {
    if (request.tool != "slow") return FakeAnswer{};
    return FakeAnswer{
        .hold = true, .form = FakeAnswer::Form::kSse, .before = {Progress(request, 1, "now")}};
  });
  GrpcBridge bridge(ConfigFor(upstream_));
  bridge.WaitForTools();
  Stream other(bridge, StreamOf("slow"));
  EXPECT_TRUE(other.Next().has_progress());
  Stream cancelled(bridge, StreamOf("slow"));
  EXPECT_TRUE(cancelled.Next().has_progress());
  Stream late(bridge, StreamOf("slow"), 1s);  // time enough to begin, even where that is slow
  EXPECT_TRUE(late.Next().has_progress());
  cancelled.Cancel();
  EXPECT_EQ(cancelled.Finish().error_code(), grpc::CANCELLED);
  EXPECT_EQ(late.Finish().error_code(), grpc::DEADLINE_EXCEEDED);
  EXPECT_TRUE(upstream_.WaitFor([](const auto& record) { return record.cancels.size() == 2; }));
  EXPECT_EQ(upstream_.ReleaseAll(), 1u);
  EXPECT_TRUE(other.Next().has_result());
  EXPECT_TRUE(other.Finish().ok());
}

TEST_F(GrpcServicesTest, AReaderThatSleepsLosesEventsButNotTheResultNorHoldsUpOthers) {
  // 32 MiB: far more than sockets and windows on the way can hold.
  constexpr int kEvents = 512;
  upstream_.SetScript([](const FakeRequest& request) {
    if (request.tool != "slow") return FakeAnswer{};
    return FakeAnswer{.form = FakeAnswer::Form::kSse,
                      .before = std::vector(kEvents, Log("info", std::string(64 << 10, 'x'))),
                      .connection_close = true};
  });
  GrpcBridge bridge(ConfigFor(upstream_));
  bridge.WaitForTools();
  const int closed = upstream_.Snapshot().connections_closed;
  Stream sleeper(bridge, StreamOf("slow"));
  // Nobody reads, and yet the server can say all of it, and another call is answered.
  ASSERT_TRUE(upstream_.WaitFor(
      [closed](const auto& record) { return record.connections_closed > closed; }));
  Stream other(bridge, StreamOf("echo"));
  EXPECT_TRUE(other.Next().has_result());
  int seen = 0;
  int dropped = 0;
  v1::CallToolStreamResponse event = sleeper.Next();
  for (; event.has_log_message(); event = sleeper.Next()) {
    ++seen;
    dropped += event.dropped();
  }
  dropped += event.dropped();
  EXPECT_TRUE(event.has_result());
  EXPECT_GT(dropped, 0);
  EXPECT_EQ(seen + dropped, kEvents);
  EXPECT_TRUE(sleeper.Finish().ok());
}

TEST_F(GrpcServicesTest, AReaderThatNeverReadsIsLeftAtItsDeadline) {
  upstream_.SetScript([](const FakeRequest& request) {
    if (request.tool != "slow") return FakeAnswer{};
    return FakeAnswer{.result = R"({"content":[{"type":"text","text":")" +
                                std::string(8 << 20, 'x') + "\"}]}"};
  });
  Config config = ConfigFor(upstream_);
  config.bridge.limits.call_timeout = 1s;
  GrpcBridge bridge(std::move(config));
  Stream stream(bridge, StreamOf("slow"));
  const auto end = Deadline::After(10s);
  while (bridge.service().gate().count() > 0 || upstream_.Snapshot().CountCalls("slow") == 0) {
    ASSERT_FALSE(end.expired());
    std::this_thread::yield();
  }
  EXPECT_FALSE(stream.Next().has_result());
  EXPECT_FALSE(stream.Finish().ok());
}

TEST_F(GrpcServicesTest, ResourcesAreListedAndRead) {
  upstream_.SetScript([](const FakeRequest& request) {
    FakeAnswer answer;
    if (request.method == "resources/read") {
      answer.result = R"({"contents":[{"uri":"test://a","text":"hi","mimeType":"text/plain"},
                                      {"uri":"test://b","blob":"AAE="}],"_meta":{"m":1}})";
    }
    return answer;
  });
  GrpcBridge bridge(ConfigFor(upstream_));
  const auto stub = v1::ResourceService::NewStub(bridge.channel());
  {
    grpc::ClientContext context;
    v1::ListResourcesResponse response;
    ASSERT_TRUE(stub->ListResources(&context, {}, &response).ok());
    ASSERT_EQ(response.resources_size(), 1);
    EXPECT_EQ(response.resources(0).uri(), "test://a");
    EXPECT_EQ(response.resources(0).size(), 3);
    EXPECT_EQ(response.resources(0).server(), "fake");
  }
  {
    grpc::ClientContext context;
    v1::ListResourceTemplatesResponse response;
    ASSERT_TRUE(stub->ListResourceTemplates(&context, {}, &response).ok());
    ASSERT_EQ(response.resource_templates_size(), 1);
    EXPECT_EQ(response.resource_templates(0).uri_template(), "test://{id}");
  }
  v1::ReadResourceRequest request;
  request.set_uri("test://a");
  {
    grpc::ClientContext context;
    v1::ReadResourceResponse response;
    const grpc::Status status = stub->ReadResource(&context, request, &response);
    ASSERT_TRUE(status.ok()) << status.error_message();
    ASSERT_EQ(response.contents_size(), 2);
    EXPECT_EQ(response.contents(0).text(), "hi");
    EXPECT_EQ(response.contents(1).blob(), std::string("\0\1", 2));
    EXPECT_EQ(response.meta().fields().at("m").number_value(), 1);
    EXPECT_FALSE(response.has_ttl());
  }
  request.clear_uri();
  grpc::ClientContext context;
  v1::ReadResourceResponse response;
  EXPECT_EQ(ReasonOf(stub->ReadResource(&context, request, &response)), "INVALID_ARGUMENTS");
}

TEST_F(GrpcServicesTest, PromptsAreListedAndGot) {
  upstream_.SetScript([](const FakeRequest& request) {
    FakeAnswer answer;
    if (request.method == "prompts/get") {
      answer.result = R"({"description":"d","messages":[
          {"role":"user","content":{"type":"text","text":"hi"}},
          {"role":"assistant","content":{"type":"image","data":"AAE=","mimeType":"image/png"}}]})";
    }
    return answer;
  });
  GrpcBridge bridge(ConfigFor(upstream_));
  const auto stub = v1::PromptService::NewStub(bridge.channel());
  {
    grpc::ClientContext context;
    v1::ListPromptsResponse response;
    ASSERT_TRUE(stub->ListPrompts(&context, {}, &response).ok());
    ASSERT_EQ(response.prompts_size(), 1);
    EXPECT_EQ(response.prompts(0).arguments(0).name(), "who");
  }
  v1::GetPromptRequest request;
  request.set_name("greet");
  (*request.mutable_arguments())["who"] = "you";
  {
    grpc::ClientContext context;
    v1::GetPromptResponse response;
    const grpc::Status status = stub->GetPrompt(&context, request, &response);
    ASSERT_TRUE(status.ok()) << status.error_message();
    EXPECT_EQ(response.description(), "d");
    ASSERT_EQ(response.messages_size(), 2);
    EXPECT_EQ(response.messages(0).role(), "user");
    EXPECT_EQ(response.messages(0).content().text().text(), "hi");
    EXPECT_EQ(response.messages(1).content().image().data(), std::string("\0\1", 2));
    EXPECT_NE(upstream_.Snapshot().requests.back().params.find(R"("arguments":{"who":"you"})"),
              std::string::npos);
  }
  request.set_name("nope");
  grpc::ClientContext context;
  v1::GetPromptResponse response;
  EXPECT_EQ(ReasonOf(stub->GetPrompt(&context, request, &response)), "PROMPT_NOT_FOUND");
}

TEST_F(GrpcServicesTest, ArgumentsAreCompleted) {
  upstream_.SetScript([](const FakeRequest& request) {
    FakeAnswer answer;
    if (request.method == "completion/complete") {
      answer.result = R"({"completion":{"values":["you","yourself"],"total":7,"hasMore":true}})";
    }
    return answer;
  });
  GrpcBridge bridge(ConfigFor(upstream_));
  const auto stub = v1::CompletionService::NewStub(bridge.channel());
  v1::CompleteRequest request;
  request.set_prompt("greet");
  request.set_argument_name("who");
  request.set_argument_value("yo");
  grpc::ClientContext context;
  v1::CompleteResponse response;
  const grpc::Status status = stub->Complete(&context, request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  ASSERT_EQ(response.values_size(), 2);
  EXPECT_EQ(response.values(1), "yourself");
  EXPECT_EQ(response.total(), 7);
  EXPECT_TRUE(response.has_more());
}

// A server of 2026-07-28 that asks for a name before it answers.
FakeAnswer Asking(const FakeRequest& request) {
  FakeAnswer answer;
  if (request.method == "server/discover") {
    answer.result =
        R"({"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"resultType":"complete","ttlMs":0,"cacheScope":"private"})";
  } else if (request.tool == "echo" && request.params.find("inputResponses") == std::string::npos) {
    answer.result =
        R"({"resultType":"input_required","requestState":"opaque","inputRequests":{"who":
           {"method":"elicitation/create","params":{"message":"your name?"}}}})";
  } else if (request.tool == "echo") {
    answer.result = R"({"resultType":"complete","content":[{"type":"text","text":"done"}]})";
  }
  return answer;
}

TEST_F(GrpcServicesTest, AServersQuestionIsAnsweredByAskingAgain) {
  FakeMcpServer upstream({.sessions = false});  // that era has none
  upstream.SetScript(Asking);
  GrpcBridge bridge(ConfigFor(upstream));
  v1::CallToolRequest request;
  request.set_name("echo");
  (*request.mutable_client_capabilities()->mutable_fields())["elicitation"].mutable_struct_value();
  v1::CallToolResponse asked;
  {
    grpc::ClientContext context;
    const grpc::Status status = bridge.tools().CallTool(&context, request, &asked);
    ASSERT_TRUE(status.ok()) << status.error_message();
  }
  EXPECT_TRUE(asked.input_required());
  EXPECT_EQ(asked.request_state(), "opaque");
  ASSERT_EQ(asked.input_requests().count("who"), 1u);
  EXPECT_EQ(asked.input_requests().at("who").method(), "elicitation/create");
  EXPECT_EQ(asked.input_requests().at("who").params().fields().at("message").string_value(),
            "your name?");
  request.set_request_state(asked.request_state());
  (*request.mutable_input_responses())["who"].set_result_json(R"({"action":"accept"})");
  grpc::ClientContext context;
  v1::CallToolResponse answered;
  ASSERT_TRUE(bridge.tools().CallTool(&context, request, &answered).ok());
  EXPECT_FALSE(answered.input_required());
  EXPECT_EQ(answered.content(0).text().text(), "done");
  const std::string params = upstream.Snapshot().LastCall().params;
  EXPECT_NE(params.find(R"("inputResponses":{"who":{"action":"accept"}})"), std::string::npos)
      << params;
  EXPECT_NE(params.find(R"("requestState":"opaque")"), std::string::npos) << params;
}

// A task can't be fetched over gRPC, so a result that stands for one is none.
TEST_F(GrpcServicesTest, ATaskInPlaceOfAResultIsAnError) {
  FakeMcpServer upstream({.sessions = false});
  upstream.SetScript([](const FakeRequest& request) {
    FakeAnswer answer = Asking(request);
    if (request.tool == "echo") answer.result = R"({"resultType":"task","taskId":"t"})";
    return answer;
  });
  GrpcBridge bridge(ConfigFor(upstream));
  v1::CallToolRequest request;
  request.set_name("echo");
  (*request.mutable_client_capabilities()->mutable_fields())["elicitation"].mutable_struct_value();
  grpc::ClientContext context;
  v1::CallToolResponse response;
  const grpc::Status status = bridge.tools().CallTool(&context, request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INTERNAL) << status.error_message();
  EXPECT_NE(status.error_message().find("resultType"), std::string::npos);
  const std::string params = upstream.Snapshot().LastCall().params;
  EXPECT_EQ(params.find("io.modelcontextprotocol/tasks"), std::string::npos)
      << "nobody has declared that: " << params;
}

}  // namespace
}  // namespace mcpbridge

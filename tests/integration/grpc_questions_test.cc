// Typed gRPC callers that can be asked something, in front of servers of the era before, which ask
// on the call's own stream; and what else such callers' requests need to have.

#include <grpcpp/client_context.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "mcpbridge/v1/prompt_service.grpc.pb.h"
#include "mcpbridge/v1/resource_service.grpc.pb.h"
#include "tests/fakes/fake_json.h"
#include "tests/fakes/fake_mcp_server.h"
#include "tests/integration/bridge_fixture.h"

namespace mcpbridge::test {
namespace {

// What a server may ask, and an answer to it.
struct Questionnaire {
  std::string method;
  std::string params;  // raw; empty: none
  std::string answer;  // raw
};

constexpr char kAda[] = R"({"action":"accept", "content":{"name":"Ada","n":9007199254740993}})";
// The server goes on only when it is told to.
constexpr char kNoHurry[] = R"({"action":"accept","content":{"name":"no hurry"}})";

const std::vector<Questionnaire>& Questionnaires() {
  static const std::vector<Questionnaire> all = {
      {"elicitation/create", R"({"message":"who?","requestedSchema":{"type":"object"}})", kAda},
      {"sampling/createMessage", R"({"messages":[],"maxTokens":7})",
       R"({"role":"assistant","content":{"type":"text","text":"Ada"},"model":"m"})"},
      {"roots/list", "", R"({"roots":[{"uri":"file:///Ada"}]})"},
  };
  return all;
}

// What a caller sends along in one round of a request.
struct Round {
  std::string state = {};                           // empty: none
  std::map<std::string, std::string> answers = {};  // raw, by key
  std::chrono::milliseconds time = kPatience;       // the RPC's deadline
};

// How a round ended.
struct RoundEnd {
  grpc::Status status;
  bool input_required = false;
  std::map<std::string, v1::InputRequest> requests = {};
  std::string state = {};
  std::string text = {};  // of the result
};

// One RPC of each kind that a server may answer with a question, each on a connection of its own.
class QuestionRpc {
 public:
  virtual ~QuestionRpc() = default;
  virtual std::string name() const = 0;
  // `other`: for another tool, resource or prompt of the same server.
  virtual RoundEnd Run(const Bridge& bridge, grpc::ClientContext& context, const Round& round,
                       bool other) const = 0;

  RoundEnd Run(const Bridge& bridge, const Round& round = {}, bool other = false) const {
    grpc::ClientContext context;
    return Run(bridge, context, round, other);
  }

 protected:
  template <class Request>
  static void Prepare(grpc::ClientContext& context, const Round& round, Request& request) {
    context.set_deadline(std::chrono::system_clock::now() + round.time);
    for (const char* what : {"elicitation", "sampling", "roots"}) {
      (*request.mutable_client_capabilities()->mutable_fields())[what].mutable_struct_value();
    }
    if (!round.state.empty()) request.set_request_state(round.state);
    for (const auto& [key, answer] : round.answers) {
      (*request.mutable_input_responses())[key].set_result_json(answer);
    }
  }
  template <class Response>
  static RoundEnd EndOf(grpc::Status status, const Response& response, std::string text) {
    return {.status = std::move(status),
            .input_required = response.input_required(),
            .requests = {response.input_requests().begin(), response.input_requests().end()},
            .state = response.request_state(),
            .text = std::move(text)};
  }
};

class CallToolQuestion final : public QuestionRpc {
 public:
  using QuestionRpc::Run;
  std::string name() const override { return "CallTool"; }
  RoundEnd Run(const Bridge& bridge, grpc::ClientContext& context, const Round& round,
               bool other) const override {
    v1::CallToolRequest request;
    request.set_name(other ? "slow" : "echo");
    Prepare(context, round, request);
    v1::CallToolResponse response;
    grpc::Status status = bridge.Stub()->CallTool(&context, request, &response);
    return EndOf(std::move(status), response,
                 response.content_size() > 0 ? response.content(0).text().text() : "");
  }
};

class CallToolStreamQuestion final : public QuestionRpc {
 public:
  using QuestionRpc::Run;
  std::string name() const override { return "CallToolStream"; }
  RoundEnd Run(const Bridge& bridge, grpc::ClientContext& context, const Round& round,
               bool other) const override {
    v1::CallToolStreamRequest request;
    request.mutable_call()->set_name(other ? "slow" : "echo");
    Prepare(context, round, *request.mutable_call());
    const auto stub = bridge.Stub();
    const auto stream = stub->CallToolStream(&context, request);
    v1::CallToolStreamResponse event;
    v1::CallToolResponse result;
    while (stream->Read(&event)) {
      if (event.has_result()) result = event.result();
    }
    return EndOf(stream->Finish(), result,
                 result.content_size() > 0 ? result.content(0).text().text() : "");
  }
};

class ReadResourceQuestion final : public QuestionRpc {
 public:
  using QuestionRpc::Run;
  std::string name() const override { return "ReadResource"; }
  RoundEnd Run(const Bridge& bridge, grpc::ClientContext& context, const Round& round,
               bool other) const override {
    v1::ReadResourceRequest request;
    request.set_uri(other ? "test://b" : "test://a");
    Prepare(context, round, request);
    v1::ReadResourceResponse response;
    grpc::Status status =
        v1::ResourceService::NewStub(bridge.Channel())->ReadResource(&context, request, &response);
    return EndOf(std::move(status), response,
                 response.contents_size() > 0 ? response.contents(0).text() : "");
  }
};

class GetPromptQuestion final : public QuestionRpc {
 public:
  using QuestionRpc::Run;
  std::string name() const override { return "GetPrompt"; }
  RoundEnd Run(const Bridge& bridge, grpc::ClientContext& context, const Round& round,
               bool other) const override {
    v1::GetPromptRequest request;
    request.set_name(other ? "part" : "greet");
    Prepare(context, round, request);
    v1::GetPromptResponse response;
    grpc::Status status =
        v1::PromptService::NewStub(bridge.Channel())->GetPrompt(&context, request, &response);
    return EndOf(std::move(status), response,
                 response.messages_size() > 0 ? response.messages(0).content().text().text() : "");
  }
};

class GrpcQuestionTest : public testing::Test {
 protected:
  // Asks in the course of every request, as `e-` and the request's id, and answers all that wait
  // once it has an answer, unless that is in no hurry.
  Config MakeConfig() {
    upstream_.SetScript([this](const FakeRequest& request) {
      FakeAnswer answer;
      if (request.method.empty() && Says(request.body, "Ada")) {
        answer.release_result =
            R"({"content":[{"type":"text","text":"for Ada"}],"contents":[{"uri":"test://a","text":"for Ada"}],"messages":[{"role":"user","content":{"type":"text","text":"for Ada"}}]})";
      } else if (request.method == "tools/call" || request.method == "resources/read" ||
                 request.method == "prompts/get") {
        const Questionnaire& asked = Questionnaires()[question_];
        answer.form = FakeAnswer::Form::kSse;
        answer.hold = true;
        answer.before = {R"({"jsonrpc":"2.0","id":"e-)" + request.id + R"(","method":")" +
                         asked.method +
                         (asked.params.empty() ? "\"}" : R"(","params":)" + asked.params + "}")};
      }
      return answer;
    });
    return ConfigWith({{"old", upstream_.url()}});
  }
  void SetUp() override {
    ASSERT_TRUE(bridge_.WaitForTools("old"));
    rpcs_.push_back(std::make_unique<CallToolQuestion>());
    rpcs_.push_back(std::make_unique<CallToolStreamQuestion>());
    rpcs_.push_back(std::make_unique<ReadResourceQuestion>());
    rpcs_.push_back(std::make_unique<GetPromptQuestion>());
  }

  static bool Says(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
  }
  // The first round of a request, whose question is the only one.
  std::string StateOf(const QuestionRpc& rpc) {
    const RoundEnd asked = rpc.Run(bridge_);
    EXPECT_TRUE(asked.status.ok()) << asked.status.error_message();
    EXPECT_TRUE(asked.input_required);
    EXPECT_EQ(asked.requests.count("q1"), 1u);
    return asked.state;
  }
  bool WasSent(const std::string& body) {
    return upstream_.WaitFor(
        [&body](const auto& record) {
          return std::any_of(record.requests.begin(), record.requests.end(),
                             [&body](const auto& request) { return request.body == body; });
        },
        kPatience);
  }
  // The ids of the calls that wait at the server, once there are so many.
  std::vector<std::string> Held(std::size_t count) {
    EXPECT_TRUE(upstream_.WaitFor(
        [count](const auto& record) { return record.held.size() == count; }, kPatience));
    return upstream_.Snapshot().held;
  }
  bool Cancelled(const std::vector<std::string>& ids) {
    return upstream_.WaitFor([&ids](const auto& record) { return record.cancels == ids; },
                             kPatience);
  }

  std::atomic<std::size_t> question_{0};
  FakeMcpServer upstream_{
      {.resources = R"([{"uri":"test://a","name":"a"},{"uri":"test://b","name":"b"}])",
       .prompts = R"([{"name":"greet"},{"name":"part"}])"}};
  Bridge bridge_{MakeConfig()};
  std::vector<std::unique_ptr<QuestionRpc>> rpcs_;
};

TEST_F(GrpcQuestionTest, EveryRpcCarriesEveryQuestionAndTheServerGetsTheAnswerUnderItsOwnId) {
  for (const auto& rpc : rpcs_) {
    for (question_ = 0; question_ < Questionnaires().size(); ++question_) {
      const Questionnaire& wanted = Questionnaires()[question_];
      SCOPED_TRACE(rpc->name() + ": " + wanted.method);
      const RoundEnd asked = rpc->Run(bridge_);
      ASSERT_TRUE(asked.status.ok()) << asked.status.error_message();
      EXPECT_TRUE(asked.input_required);
      EXPECT_EQ(asked.text, "");
      EXPECT_FALSE(asked.state.empty());
      ASSERT_EQ(asked.requests.size(), 1u);
      const auto& [key, question] = *asked.requests.begin();
      EXPECT_EQ(question.method(), wanted.method);
      EXPECT_EQ(question.has_params(), !wanted.params.empty());
      if (wanted.method == "elicitation/create") {
        EXPECT_EQ(question.params().fields().at("message").string_value(), "who?");
      }
      const std::string id = Held(1).front();

      const RoundEnd done =
          rpc->Run(bridge_, {.state = asked.state, .answers = {{key, wanted.answer}}});
      ASSERT_TRUE(done.status.ok()) << done.status.error_message();
      EXPECT_FALSE(done.input_required);
      EXPECT_EQ(done.text, "for Ada");
      EXPECT_TRUE(WasSent(ResultMessage("\"e-" + id + "\"", wanted.answer))) << "byte for byte";
    }
  }
  const auto record = upstream_.Snapshot();
  EXPECT_EQ(record.CountCalls("echo"), 2 * Questionnaires().size()) << "a call for both rounds";
  EXPECT_TRUE(record.cancels.empty());
  EXPECT_EQ(bridge_.app().service().parked().size(), 0u);
}

TEST_F(GrpcQuestionTest, AStateIsGoodOnceAndForItsOwnRequest) {
  for (const auto& rpc : rpcs_) {
    SCOPED_TRACE(rpc->name());
    const std::string state = StateOf(*rpc);
    const std::map<std::string, std::string> answers = {{"q1", kAda}};
    std::string changed = state;
    changed.back() = changed.back() == '0' ? '1' : '0';
    std::vector<RoundEnd> refused;
    refused.push_back(rpc->Run(bridge_, {.state = changed, .answers = answers}));
    refused.push_back(rpc->Run(bridge_, {.state = "made up", .answers = answers}));
    refused.push_back(rpc->Run(bridge_, {.answers = answers}));
    refused.push_back(rpc->Run(bridge_, {.state = state, .answers = answers}, /*other=*/true));
    for (const auto& another : rpcs_) {
      if (rpc->name().starts_with("CallTool") == another->name().starts_with("CallTool")) continue;
      refused.push_back(another->Run(bridge_, {.state = state, .answers = answers}));
    }
    EXPECT_EQ(bridge_.app().service().parked().size(), 1u) << "none of them did any harm";
    EXPECT_EQ(rpc->Run(bridge_, {.state = state, .answers = answers}).text, "for Ada");
    refused.push_back(rpc->Run(bridge_, {.state = state, .answers = answers}));
    for (const RoundEnd& end : refused) {
      EXPECT_EQ(end.status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
      EXPECT_EQ(ReasonOf(end.status), "INVALID_ARGUMENTS") << end.status.error_message();
    }
  }
}

TEST_F(GrpcQuestionTest, WhatIsNotAnsweredIsAskedAgainUnderANewState) {
  for (const auto& rpc : rpcs_) {
    SCOPED_TRACE(rpc->name());
    const std::string state = StateOf(*rpc);
    const RoundEnd again = rpc->Run(bridge_, {.state = state});
    EXPECT_TRUE(again.input_required) << again.status.error_message();
    EXPECT_EQ(again.requests.count("q1"), 1u);
    EXPECT_NE(again.state, state);
    EXPECT_EQ(ReasonOf(rpc->Run(bridge_, {.state = state}).status), "INVALID_ARGUMENTS");
    EXPECT_EQ(rpc->Run(bridge_, {.state = again.state, .answers = {{"q1", kAda}}}).text, "for Ada");
  }
}

// A round's deadline is that round's alone, and between the rounds nobody waits who could leave.
TEST_F(GrpcQuestionTest, TheCallersEndBetweenTheRoundsIsNotTheCalls) {
  StateOf(*rpcs_.front());  // the session with the server is there from now on
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  std::vector<std::string> states;
  for (const auto& rpc : rpcs_) {
    grpc::ClientContext context;
    const RoundEnd asked = rpc->Run(bridge_, context, {.time = std::chrono::seconds(2)}, false);
    ASSERT_TRUE(asked.status.ok()) << rpc->name() << ": " << asked.status.error_message();
    context.TryCancel();
    states.push_back(asked.state);
  }
  std::this_thread::sleep_until(end);  // their deadlines pass
  EXPECT_EQ(Held(5).size(), 5u);
  EXPECT_EQ(bridge_.app().service().parked().size(), 5u);
  for (std::size_t i = 0; i < rpcs_.size(); ++i) {
    // The first answer makes the server answer all; what it says to the others is kept for them.
    const RoundEnd done = rpcs_[i]->Run(bridge_, {.state = states[i], .answers = {{"q1", kAda}}});
    EXPECT_EQ(done.text, "for Ada") << rpcs_[i]->name() << ": " << done.status.error_message();
  }
  EXPECT_TRUE(upstream_.Snapshot().cancels.empty());
}

// Who leaves in the second round, or has no time for it, ends its own call and no other.
TEST_F(GrpcQuestionTest, ASecondRoundThatIsCancelledOrLateEndsItsOwnCallOnly) {
  std::vector<std::string> cancelled;
  for (const auto& rpc : rpcs_) {
    SCOPED_TRACE(rpc->name());
    const std::string bystander = StateOf(*rpc);
    const std::string late = StateOf(*rpc);
    const std::string gone = StateOf(*rpc);
    const std::vector<std::string> held = Held(3);
    const std::map<std::string, std::string> answers = {{"q1", kNoHurry}};

    const RoundEnd missed = rpc->Run(
        bridge_, {.state = late, .answers = answers, .time = std::chrono::milliseconds(1500)});
    EXPECT_EQ(missed.status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
    cancelled.push_back(held[1]);
    EXPECT_TRUE(Cancelled(cancelled));

    grpc::ClientContext context;
    auto leaving = std::async(std::launch::async, [&] {
      return rpc->Run(bridge_, context, {.state = gone, .answers = answers}, /*other=*/false);
    });
    EXPECT_TRUE(WasSent(ResultMessage("\"e-" + held[2] + "\"", kNoHurry)));
    context.TryCancel();
    EXPECT_EQ(leaving.get().status.error_code(), grpc::StatusCode::CANCELLED);
    cancelled.push_back(held[2]);
    EXPECT_TRUE(Cancelled(cancelled));

    for (const std::string& state : {late, gone}) {
      EXPECT_EQ(ReasonOf(rpc->Run(bridge_, {.state = state, .answers = answers}).status),
                "INVALID_ARGUMENTS");
    }
    EXPECT_EQ(Held(1).front(), held[0]);
    EXPECT_EQ(rpc->Run(bridge_, {.state = bystander, .answers = {{"q1", kAda}}}).text, "for Ada");
  }
  EXPECT_EQ(bridge_.app().service().parked().size(), 0u);
}

class GrpcParamHeadersTest : public testing::TestWithParam<Protocol> {};

INSTANTIATE_TEST_SUITE_P(All, GrpcParamHeadersTest,
                         testing::Values(Protocol::kAuto, Protocol::kModern));

TEST_P(GrpcParamHeadersTest, AServerOfTheModernEraGetsThoseThatItsToolsWant) {
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
  Config config = ConfigWith({{"fake", upstream.url()}});
  config.servers[0].protocol = GetParam();
  Bridge bridge(std::move(config));
  ASSERT_TRUE(bridge.WaitForTools("fake"));
  v1::CallToolStreamRequest request;
  request.mutable_call()->set_name("echo");
  request.mutable_call()->set_arguments_json(R"({"text":"one"})");
  request.mutable_call()->mutable_client_capabilities();
  const auto stub = bridge.Stub();
  grpc::ClientContext first;
  v1::CallToolResponse response;
  grpc::Status status = stub->CallTool(&first, request.call(), &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  FakeRequest call = upstream.Snapshot().LastCall();
  EXPECT_EQ(call.Header("mcp-protocol-version"), "2026-07-28");
  EXPECT_EQ(call.Header("mcp-name"), "echo");
  EXPECT_EQ(call.Header("mcp-param-text"), "one");

  request.mutable_call()->set_arguments_json(R"({"text":"two"})");
  grpc::ClientContext second;
  const auto stream = stub->CallToolStream(&second, request);
  v1::CallToolStreamResponse event;
  while (stream->Read(&event)) continue;
  status = stream->Finish();
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(upstream.Snapshot().LastCall().Header("mcp-param-text"), "two");
}

}  // namespace
}  // namespace mcpbridge::test

// Servers of Google's gRPC transport behind the whole bridge.

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "tests/fakes/fake_google_server.h"
#include "tests/fakes/fake_mcp_server.h"
#include "tests/fakes/temp_folder.h"
#include "tests/fakes/test_certificate.h"
#include "tests/fakes/test_http.h"
#include "tests/integration/bridge_fixture.h"
#include "tests/integration/grpc_test_call.h"

namespace mcpbridge::test {
namespace {

namespace gm = model_context_protocol;
using Answer = FakeGoogleServer::Answer;
using std::chrono::milliseconds;

// A request of MCP 2026-07-28 over HTTP.
TestResponse PostModern(Bridge& bridge, const std::string& method, const std::string& name,
                        const std::string& params, const std::string& capabilities = "{}") {
  const std::string meta =
      R"("_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
      R"("io.modelcontextprotocol/clientInfo":{"name":"tester","version":"1"},)"
      R"("io.modelcontextprotocol/clientCapabilities":)" +
      capabilities + "}";
  TestHttpClient::Headers headers{{"MCP-Protocol-Version", "2026-07-28"}, {"Mcp-Method", method}};
  if (!name.empty()) headers["Mcp-Name"] = name;
  return TestHttpClient(bridge.http_port())
      .Post(R"({"jsonrpc":"2.0","id":1,"method":")" + method + R"(","params":{)" + params +
                (params.empty() ? "" : ",") + meta + "}}",
            headers);
}

class GrpcUpstreamTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(bridge_.WaitForTools("g")); }

  FakeGoogleServer server_{{.all = true}};
  Bridge bridge_{GrpcConfig(server_.url())};
};

TEST_F(GrpcUpstreamTest, ACallFromEitherFrontAndEitherEra) {
  TestCall call(bridge_, "echo", "hi");
  const grpc::Status status = call.Run();
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(call.Text(), "hi");

  const TestResponse legacy =
      TestHttpClient(bridge_.http_port()).Post(CallMessage("7", "echo", "hi"));
  EXPECT_EQ(legacy.body,
            R"({"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"hi"}]}})")
      << "nothing of the modern era";

  const TestResponse modern =
      PostModern(bridge_, "tools/call", "echo", R"("name":"echo","arguments":{"text":"hi"})");
  EXPECT_TRUE(Has(modern.body, R"("resultType":"complete")")) << modern.body;
  EXPECT_TRUE(Has(modern.body, R"("content":[{"type":"text","text":"hi"}])")) << modern.body;

  const auto calls = server_.Calls();
  ASSERT_EQ(calls.size(), 3u);
  for (const auto& one : calls) EXPECT_EQ(one.Header("mcp_tool"), "echo");
  const auto& meta = calls[2].request.common().metadata().fields();
  EXPECT_EQ(meta.at("io.modelcontextprotocol/clientInfo")
                .struct_value()
                .fields()
                .at("name")
                .string_value(),
            "tester")
      << "who calls is told as it is";
}

TEST_F(GrpcUpstreamTest, AClientWithASessionIsServed) {
  TestHttpClient http(bridge_.http_port());
  const TestResponse opened = http.Post(
      R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18",)"
      R"("capabilities":{},"clientInfo":{"name":"c","version":"1"}}})");
  EXPECT_TRUE(Has(opened.body, R"("prompts":)")) << opened.body;
  EXPECT_TRUE(Has(opened.body, R"("completions":)")) << opened.body;
  const TestHttpClient::Headers session{{"Mcp-Session-Id", opened.headers.at("mcp-session-id")}};
  EXPECT_TRUE(Has(http.Post(CallMessage("2", "echo", "hi"), session).body, R"("text":"hi")"));
  EXPECT_TRUE(Has(http.Post(R"({"jsonrpc":"2.0","id":3,"method":"resources/read",)"
                            R"("params":{"uri":"test://a"}})",
                            session)
                      .body,
                  R"({"contents":[{"uri":"test://a","text":"read"}]})"));
  EXPECT_TRUE(Has(http.Post(R"({"jsonrpc":"2.0","id":4,"method":"prompts/get",)"
                            R"("params":{"name":"greet","arguments":{"who":"you"}}})",
                            session)
                      .body,
                  "hello you"));
  EXPECT_TRUE(Has(http.Post(R"({"jsonrpc":"2.0","id":5,"method":"completion/complete","params":{)"
                            R"("ref":{"type":"ref/prompt","name":"greet"},)"
                            R"("argument":{"name":"who","value":"y"}}})",
                            session)
                      .body,
                  R"("values":["yx"])"));
}

TEST_F(GrpcUpstreamTest, TheServersOwnErrorPassesWithItsCode) {
  server_.SetScript([](const gm::CallToolRequest&) {
    return Answer{.code = grpc::StatusCode::FAILED_PRECONDITION,
                  .message = "not now",
                  .mcp_error_code = "-32042"};
  });
  const TestResponse http =
      TestHttpClient(bridge_.http_port()).Post(CallMessage("1", "echo", "hi"));
  EXPECT_TRUE(Has(http.body, R"("code":-32042,"message":"not now")")) << http.body;
  EXPECT_EQ(ReasonOf(TestCall(bridge_, "echo", "hi").Run()), "UPSTREAM_ERROR");

  server_.SetScript([](const gm::CallToolRequest&) {
    return Answer{.code = grpc::StatusCode::INVALID_ARGUMENT, .message = "bad"};
  });
  const grpc::Status bad = TestCall(bridge_, "echo", "hi").Run();
  EXPECT_EQ(bad.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << bad.error_message();
  EXPECT_EQ(ReasonOf(bad), "UPSTREAM_ERROR");
}

TEST_F(GrpcUpstreamTest, ADeadlineReachesTheServerAndHolds) {
  TestCall call(bridge_, "held", "late", milliseconds(2'000));
  const grpc::Status status = call.Run();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  ASSERT_TRUE(server_.WaitForCancels(1));
  EXPECT_GT(server_.Calls()[0].deadline.count(), 0);
  EXPECT_LE(server_.Calls()[0].deadline.count(), 2'040);
  const TestResponse http = TestHttpClient(bridge_.http_port())
                                .Post(CallMessage("1", "held", "later"), {{"grpc-timeout", "2S"}});
  EXPECT_EQ(ReasonOf(http.body), "DEADLINE_EXCEEDED");
  EXPECT_TRUE(server_.WaitForCancels(2));
}

TEST_F(GrpcUpstreamTest, ACallersLeavingReachesTheServer) {
  TestCall call(bridge_, "held", "a");
  call.Start();
  ASSERT_TRUE(server_.WaitForCalls(1));
  call.context().TryCancel();
  EXPECT_EQ(call.Wait().error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_TRUE(server_.WaitForCancels(1));
  TestHttpClient http(bridge_.http_port());
  http.Send(CallMessage("1", "held", "b"));
  ASSERT_TRUE(server_.WaitForCalls(2));
  http.Close();
  EXPECT_TRUE(server_.WaitForCancels(2));
}

TEST_F(GrpcUpstreamTest, TheEndOfOneCallNeverTouchesAnother) {
  constexpr std::size_t kCalls = 200;
  std::mt19937 random(testing::UnitTest::GetInstance()->random_seed() + 20261125);
  std::vector<std::unique_ptr<TestCall>> calls;
  std::vector<bool> leaves;
  for (std::size_t i = 0; i < kCalls; ++i) {
    calls.push_back(std::make_unique<TestCall>(bridge_, "held", std::to_string(i)));
    leaves.push_back(i == 0 || random() % 3 == 0);
    calls.back()->Start();
  }
  ASSERT_TRUE(server_.WaitForCalls(kCalls));
  std::size_t left = 0;
  for (std::size_t i = 0; i < kCalls; ++i) {
    if (!leaves[i]) continue;
    calls[i]->context().TryCancel();
    ++left;
  }
  EXPECT_TRUE(server_.WaitForCancels(left));
  for (std::size_t i = 0; i < kCalls; ++i) {
    if (!leaves[i]) server_.Release(std::to_string(i));
  }
  for (std::size_t i = 0; i < kCalls; ++i) {
    const grpc::Status status = calls[i]->Wait();
    if (leaves[i]) {
      EXPECT_EQ(status.error_code(), grpc::StatusCode::CANCELLED);
    } else {
      EXPECT_TRUE(status.ok()) << i << ' ' << status.error_message();
      EXPECT_EQ(calls[i]->Text(), std::to_string(i));
    }
  }
  const auto seen = server_.Calls();
  EXPECT_EQ(seen.size(), kCalls) << "each request was sent once";
  EXPECT_EQ(static_cast<std::size_t>(
                std::ranges::count_if(seen, [](const auto& call) { return call.cancelled; })),
            left);
}

TEST_F(GrpcUpstreamTest, AServerThatIsGoneIsToldApartFromOneThatIsLostAndComesBack) {
  TestCall lost(bridge_, "held", "x");
  lost.Start();
  ASSERT_TRUE(server_.WaitForCalls(1));
  server_.Stop();
  const grpc::Status status = lost.Wait();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(ReasonOf(status), "UPSTREAM_LOST") << status.error_message();

  const grpc::Status gone = TestCall(bridge_, "echo", "x").Run();
  EXPECT_EQ(ReasonOf(gone), "UPSTREAM_UNAVAILABLE") << gone.error_message();
  const auto give_up = std::chrono::steady_clock::now() + kPatience;
  const auto health = [this] { return bridge_.app().status().Of("g").health; };
  while (health() != UpstreamHealth::kNotServing && std::chrono::steady_clock::now() < give_up) {
    std::this_thread::sleep_for(milliseconds(5));  // polling
  }
  EXPECT_EQ(health(), UpstreamHealth::kNotServing);

  server_.Restart();
  ASSERT_TRUE(bridge_.WaitForTools("g"));
  TestCall again(bridge_, "echo", "back");
  const grpc::Status back = again.Run();
  EXPECT_TRUE(back.ok()) << back.error_message();
  EXPECT_EQ(again.Text(), "back");
}

TEST_F(GrpcUpstreamTest, BytesArriveWhicheverWayTheServerSendsThem) {
  server_.SetScript([](const gm::CallToolRequest&) {
    Answer answer;
    for (const char* data : {"iVBORw0KGgo=", "\x89PNG\r\n\x1a\n"}) {
      answer.response.add_content()->mutable_image()->set_data(data);
    }
    return answer;
  });
  TestCall call(bridge_, "echo", "");
  ASSERT_TRUE(call.Run().ok());
  ASSERT_EQ(call.response().content_size(), 2);
  for (const v1::Content& block : call.response().content()) {
    EXPECT_EQ(block.image().data(), "\x89PNG\r\n\x1a\n");
  }
}

// Asks who it is first, and then says it, with the state that it gave.
Answer AskWho(const gm::CallToolRequest& request) {
  Answer answer;
  auto& common = *answer.response.mutable_common();
  const auto& answers = request.common().input_responses();
  if (answers.contains("ok")) {
    const auto& content = answers.at("ok").elicit_result().content().fields();
    answer.response.add_content()->mutable_text()->set_text(request.common().request_state() + " " +
                                                            content.at("who").string_value());
    return answer;
  }
  common.set_result_type(gm::RESULT_TYPE_INPUT_REQUIRED);
  common.set_request_state("st");
  auto& question = *(*common.mutable_input_requests())["ok"].mutable_elicit_request();
  question.set_message("Who?");
  (*question.mutable_requested_schema())["who"].mutable_string_schema();
  return answer;
}

TEST_F(GrpcUpstreamTest, AnOlderClientIsAskedByARequestInItsSession) {
  server_.SetScript(AskWho);
  TestHttpClient http(bridge_.http_port());
  const TestResponse opened = http.Post(
      R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18",)"
      R"("capabilities":{"elicitation":{}},"clientInfo":{"name":"c","version":"1"}}})");
  const TestHttpClient::Headers session{{"Mcp-Session-Id", opened.headers.at("mcp-session-id")}};
  TestEventStream stream(bridge_.http_port(), session, "/mcp", CallMessage("2", "echo", ""));
  const auto question = stream.Next();
  ASSERT_TRUE(question.has_value());
  ASSERT_TRUE(Has(question->data, R"("method":"elicitation/create")")) << question->data;
  const std::size_t id = question->data.find(R"("id":)") + 5;
  http.Post(R"({"jsonrpc":"2.0","id":)" +
                question->data.substr(id, question->data.find(',', id) - id) +
                R"(,"result":{"action":"accept","content":{"who":"me"}}})",
            session);
  const auto answer = stream.Next();
  ASSERT_TRUE(answer.has_value());
  EXPECT_TRUE(Has(answer->data, R"("result":{"content":[{"type":"text","text":"st me"}]})"))
      << answer->data;
}

TEST_F(GrpcUpstreamTest, AQuestionIsAskedOfCallersWhoCanAnswer) {
  server_.SetScript(AskWho);

  TestCall first(bridge_, "echo", "");
  auto& capabilities = *first.request().mutable_client_capabilities();
  (*capabilities.mutable_fields())["elicitation"].mutable_struct_value();
  ASSERT_TRUE(first.Run().ok());
  ASSERT_TRUE(first.response().input_required());
  EXPECT_EQ(first.response().input_requests().at("ok").method(), "elicitation/create");
  TestCall second(bridge_, "echo", "");
  *second.request().mutable_client_capabilities() = capabilities;
  second.request().set_request_state(first.response().request_state());
  (*second.request().mutable_input_responses())["ok"].set_result_json(
      R"({"action":"accept","content":{"who":"me"}})");
  ASSERT_TRUE(second.Run().ok());
  EXPECT_EQ(second.Text(), "st me");

  const TestResponse modern =
      PostModern(bridge_, "tools/call", "echo", R"("name":"echo")", R"({"elicitation":{}})");
  EXPECT_TRUE(Has(modern.body, R"("resultType":"input_required")")) << modern.body;
  EXPECT_TRUE(Has(modern.body, R"("requestState":"st")")) << modern.body;
  const grpc::Status cannot = TestCall(bridge_, "echo", "").Run();
  EXPECT_EQ(ReasonOf(cannot), "MISSING_CLIENT_CAPABILITY") << cannot.error_message();
}

TEST(GrpcUpstreamLimitTest, AnAnswerThatIsTooLargeIsSaidToBe) {
  FakeGoogleServer server;
  Config config = GrpcConfig(server.url());
  config.bridge.limits.response_bytes = 64 << 10;
  Bridge bridge(std::move(config));
  ASSERT_TRUE(bridge.WaitForTools("g"));
  server.SetScript([](const gm::CallToolRequest&) {
    Answer answer;
    answer.response.add_content()->mutable_text()->set_text(std::string(80 << 10, 'x'));
    return answer;
  });
  const grpc::Status status = TestCall(bridge, "echo", "").Run();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(ReasonOf(status), "RESPONSE_TOO_LARGE") << status.error_message();
  server.SetScript(nullptr);
  EXPECT_TRUE(TestCall(bridge, "echo", "").Run().ok());
}

TEST(GrpcUpstreamLimitTest, ALargeAnswerPasses) {
  FakeGoogleServer server;
  Bridge bridge(GrpcConfig(server.url()));
  ASSERT_TRUE(bridge.WaitForTools("g"));
  const std::string large(8 << 20, 'x');
  server.SetScript([&large](const gm::CallToolRequest&) {
    Answer answer;
    answer.response.add_content()->mutable_text()->set_text(large);
    return answer;
  });
  const TestResponse response =
      TestHttpClient(bridge.http_port()).Post(CallMessage("1", "echo", ""));
  EXPECT_GT(response.body.size(), large.size());
}

TEST(GrpcUpstreamConnectTest, WhatTheServerDoesNotImplementIsNotOffered) {
  FakeGoogleServer server;
  Bridge bridge(GrpcConfig(server.url()));
  ASSERT_TRUE(bridge.WaitForTools("g"));
  const UpstreamStatus status = bridge.app().status().Of("g");
  EXPECT_EQ(status.capabilities, R"({"tools":{},"resources":{}})");
  EXPECT_FALSE(status.has_prompts);
}

TEST(GrpcUpstreamConnectTest, AServerThatIsNotThereFailsItsCallsAtOnce) {
  FakeGoogleServer server;
  server.Stop();
  Bridge bridge(GrpcConfig(server.url()));
  const auto begin = std::chrono::steady_clock::now();
  const grpc::Status status = TestCall(bridge, "echo", "").Run();
  EXPECT_EQ(ReasonOf(status), "UPSTREAM_UNAVAILABLE") << status.error_message();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(8));
}

TEST(GrpcUpstreamConnectTest, ConfiguredHeadersAndTheCallersGoAlong) {
  FakeGoogleServer server;
  Config config = GrpcConfig(server.url());
  config.servers[0].headers = {{"X-Team", "platform"}, {"Authorization", "Bearer s"}};
  config.servers[0].extra_headers = {"x-request-id", "x-team"};
  Bridge bridge(std::move(config));
  ASSERT_TRUE(bridge.WaitForTools("g"));
  TestHttpClient http(bridge.http_port());
  http.Post(CallMessage("1", "echo", ""), {{"X-Request-Id", "r1"}, {"X-Team", "other"}});
  ASSERT_EQ(server.Calls().size(), 1u);
  const auto call = server.Calls()[0];
  EXPECT_EQ(call.Header("x-team"), "platform");
  EXPECT_EQ(call.metadata.count("x-team"), 1u);
  EXPECT_EQ(call.Header("authorization"), "Bearer s");
  EXPECT_EQ(call.Header("x-request-id"), "r1");
  const TestResponse refused =
      http.Post(CallMessage("1", "echo", ""), {{"X-Request-Id", "\xc3\xbc"}});
  EXPECT_EQ(ReasonOf(refused.body), "INVALID_ARGUMENTS") << refused.body;
  EXPECT_EQ(server.Calls().size(), 1u);
}

TEST(GrpcUpstreamTlsTest, TheServersCertificateIsVerified) {
  const TempFolder folder;
  const TestCertificate own = MakeCertificate("IP:127.0.0.1");
  grpc::SslServerCredentialsOptions options;
  options.pem_key_cert_pairs = {{own.key, own.certificate}};
  FakeGoogleServer server({.credentials = grpc::SslServerCredentials(options)});
  const std::string url = "grpcs://127.0.0.1:" + std::to_string(server.port());
  const auto call_trusting = [&](const TestCertificate& trusted) {
    setenv("SSL_CERT_FILE", folder.Write("trusted.pem", trusted.certificate).c_str(), 1);
    Bridge bridge(GrpcConfig(url));
    unsetenv("SSL_CERT_FILE");
    return TestCall(bridge, "echo", "hi").Run();
  };
  const grpc::Status trusted = call_trusting(own);
  EXPECT_TRUE(trusted.ok()) << trusted.error_message();
  const grpc::Status other = call_trusting(MakeCertificate("IP:127.0.0.1"));
  EXPECT_EQ(ReasonOf(other), "UPSTREAM_UNAVAILABLE") << other.error_message();
}

}  // namespace
}  // namespace mcpbridge::test

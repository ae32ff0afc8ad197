#include <gtest/gtest.h>

#include "server/frontend/grpc/request_params.h"
#include "server/mcp/json_members.h"

namespace mcpbridge {
namespace {

std::string Member(const std::string& json, std::string_view name) {
  const auto members = JsonMembers::Read(json);
  return members ? std::string(members->Get(name).value_or("absent")) : "not an object";
}

TEST(RoutedRequestTest, ACallWithoutQuestionsIsAsItEverWas) {
  v1::CallToolRequest request;
  request.set_server("s");
  request.set_name("t\"");
  request.set_arguments_json(R"({"n": 1})");
  const auto routed = RoutedRequestOf(request);
  ASSERT_TRUE(routed.has_value()) << routed.error().message;
  EXPECT_EQ(routed->server, "s");
  EXPECT_EQ(routed->params.key, "t\"");
  EXPECT_EQ(routed->params.raw, R"({"name":"t\"","arguments":{"n": 1}})");
  EXPECT_FALSE(routed->modern);
}

TEST(RoutedRequestTest, ACallerThatCanBeAskedSaysSoInMeta) {
  v1::CallToolRequest request;
  request.set_name("t");
  (*request.mutable_meta()->mutable_fields())["a"].set_string_value("b");
  (*request.mutable_client_capabilities()->mutable_fields())["elicitation"].mutable_struct_value();
  auto routed = RoutedRequestOf(request);
  ASSERT_TRUE(routed.has_value()) << routed.error().message;
  EXPECT_TRUE(routed->modern);
  const std::string meta = Member(routed->params.raw, "_meta");
  EXPECT_EQ(Member(meta, "io.modelcontextprotocol/protocolVersion"), "\"2026-07-28\"");
  EXPECT_EQ(Member(meta, "io.modelcontextprotocol/clientCapabilities"), R"({"elicitation":{}})");
  EXPECT_EQ(Member(Member(meta, "io.modelcontextprotocol/clientInfo"), "name"), "\"mcp-bridge\"");
  EXPECT_EQ(Member(meta, "a"), "\"b\"");
  EXPECT_EQ(Member(routed->params.raw, "requestState"), "absent");
}

TEST(RoutedRequestTest, AnswersAndStateGoBackAsTheyAre) {
  v1::CallToolRequest request;
  request.set_name("t");
  request.set_request_state("s\n1");
  (*request.mutable_input_responses())["a"].set_result_json(R"({"n": 9007199254740993})");
  const auto routed = RoutedRequestOf(request);
  ASSERT_TRUE(routed.has_value()) << routed.error().message;
  EXPECT_TRUE(routed->modern);
  EXPECT_EQ(Member(routed->params.raw, "requestState"), R"("s\n1")");
  EXPECT_EQ(Member(routed->params.raw, "inputResponses"), R"({"a":{"n": 9007199254740993}})");
  EXPECT_EQ(
      Member(Member(routed->params.raw, "_meta"), "io.modelcontextprotocol/clientCapabilities"),
      "{}");
  for (const char* bad : {"", "{", "{},\"b\":", "{}}"}) {
    (*request.mutable_input_responses())["a"].set_result_json(bad);
    EXPECT_FALSE(RoutedRequestOf(request).has_value()) << bad;
  }
}

TEST(RoutedRequestTest, AStreamWantsProgress) {
  v1::CallToolStreamRequest request;
  request.mutable_call()->set_name("t");
  EXPECT_EQ(RoutedRequestOf(request)->params.raw, R"({"name":"t","_meta":{"progressToken":0}})");
  auto& fields = *request.mutable_call()->mutable_meta()->mutable_fields();
  fields["progressToken"].set_string_value("mine");
  EXPECT_EQ(RoutedRequestOf(request)->params.raw,
            R"({"name":"t","_meta":{"progressToken":"mine"}})");
  request.set_log_level("warning");
  request.mutable_call()->mutable_client_capabilities();
  EXPECT_EQ(Member(Member(RoutedRequestOf(request)->params.raw, "_meta"),
                   "io.modelcontextprotocol/logLevel"),
            "\"warning\"");
}

TEST(RoutedRequestTest, ResourcesPromptsAndCompletion) {
  v1::ReadResourceRequest read;
  read.set_uri("test://a");
  EXPECT_EQ(RoutedRequestOf(read)->params.raw, R"({"uri":"test://a"})");
  EXPECT_EQ(RoutedRequestOf(read)->params.method, CallMethod::kReadResource);
  EXPECT_EQ(RoutedRequestOf(v1::ReadResourceRequest()).error().reason, Reason::kInvalidArguments);

  v1::GetPromptRequest get;
  get.set_name("p");
  EXPECT_EQ(RoutedRequestOf(get)->params.raw, R"({"name":"p"})");
  (*get.mutable_arguments())["a"] = "\"";
  EXPECT_EQ(RoutedRequestOf(get)->params.raw, R"({"name":"p","arguments":{"a":"\""}})");

  v1::CompleteRequest complete;
  complete.set_argument_name("a");
  complete.set_argument_value("x");
  EXPECT_EQ(RoutedRequestOf(complete).error().reason, Reason::kInvalidArguments);
  complete.set_prompt("p");
  EXPECT_EQ(RoutedRequestOf(complete)->params.raw,
            R"({"ref":{"type":"ref/prompt","name":"p"},"argument":{"name":"a","value":"x"}})");
  EXPECT_EQ(RoutedRequestOf(complete)->params.key, "p");
  complete.set_uri_template("test://{a}");
  (*complete.mutable_known_arguments())["b"] = "c";
  EXPECT_EQ(RoutedRequestOf(complete)->params.raw,
            R"({"ref":{"type":"ref/resource","uri":"test://{a}"},)"
            R"("argument":{"name":"a","value":"x"},"context":{"arguments":{"b":"c"}}})");
  complete.clear_argument_name();
  EXPECT_EQ(RoutedRequestOf(complete).error().reason, Reason::kInvalidArguments);
}

}  // namespace
}  // namespace mcpbridge

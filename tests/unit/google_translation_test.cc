// MCP's JSON to the messages of Google's service and back, as an upstream over gRPC does it.

#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <gtest/gtest.h>
#include <model_context_protocol/mcp.pb.h>

#include <string>

#include "server/protojson/google_questions.h"
#include "server/protojson/struct_json.h"
#include "server/upstream/google_request.h"
#include "server/upstream/google_result.h"

namespace mcpbridge {
namespace {

using google::protobuf::Struct;

template <class Message>
Message RequestOf(const std::string& method, const std::string& params) {
  const Result<GoogleRequest> request = ToGoogleRequest(method, params);
  Message message;
  EXPECT_TRUE(request.has_value()) << (request ? "" : request.error().message);
  EXPECT_TRUE(request && message.ParseFromString(request->body));
  return message;
}

Error RefusalOf(const std::string& method, const std::string& params) {
  const Result<GoogleRequest> request = ToGoogleRequest(method, params);
  EXPECT_FALSE(request.has_value());
  return request ? Error{} : request.error();
}

template <class Message>
Result<std::string> ResultOf(const std::string& method, const Message& message,
                             BytesForm bytes = BytesForm::kEither) {
  const std::string body = message.SerializeAsString();
  google::protobuf::io::ArrayInputStream stream(body.data(), static_cast<int>(body.size()));
  return FromGoogleResponse(method, stream, bytes);
}

Struct StructOf(const std::string& json) {
  Struct out;
  EXPECT_EQ(TextToStruct(json, out), FromJson::kDone) << json;
  return out;
}

constexpr char kServerInfo[] = R"("_meta":{"io.modelcontextprotocol/serverInfo":{"name":"s"}})";

gm::ResponseFields Common() {
  gm::ResponseFields common;
  *common.mutable_metadata() = StructOf(R"({"io.modelcontextprotocol/serverInfo":{"name":"s"}})");
  return common;
}

TEST(GoogleRequestTest, ACallHasItsNameArgumentsAndMetadata) {
  const auto request =
      ToGoogleRequest("tools/call", R"({"name":"echo","arguments":{"n":5,"x":[1.5,null]},
                        "_meta":{"progressToken":7,"k":{"v":true}}})");
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->path, "/model_context_protocol.Mcp/CallTool");
  EXPECT_EQ(request->header, "mcp_tool");
  EXPECT_EQ(request->header_value, "echo");
  gm::CallToolRequest call;
  ASSERT_TRUE(call.ParseFromString(request->body));
  EXPECT_EQ(call.request().name(), "echo");
  EXPECT_EQ(StructToJson(call.request().arguments()).value(), R"({"n":5,"x":[1.5,null]})");
  EXPECT_EQ(StructToJson(call.common().metadata()).value(), R"({"k":{"v":true}})");
}

TEST(GoogleRequestTest, AbsentArgumentsAreNotEmptyOnes) {
  const auto absent = RequestOf<gm::CallToolRequest>("tools/call", R"({"name":"a"})");
  EXPECT_FALSE(absent.request().has_arguments());
  EXPECT_FALSE(absent.common().has_metadata());
  const auto empty = RequestOf<gm::CallToolRequest>("tools/call", R"({"name":"a","arguments":{}})");
  EXPECT_TRUE(empty.request().has_arguments());
}

TEST(GoogleRequestTest, NamesThatMetadataCannotHoldAreEncoded) {
  EXPECT_EQ(ToGoogleRequest("tools/call", R"({"name":"gr\u00fc\u00dfe"})")->header_value,
            "=?base64?Z3LDvMOfZQ==?=");
}

TEST(GoogleRequestTest, EveryOtherMethod) {
  EXPECT_EQ(RequestOf<gm::ReadResourceRequest>("resources/read", R"({"uri":"a://b"})").uri(),
            "a://b");
  const auto prompt = RequestOf<gm::GetPromptRequest>(
      "prompts/get", R"({"name":"p","arguments":{"a":"1","b":""}})");
  EXPECT_EQ(prompt.name(), "p");
  EXPECT_EQ(prompt.arguments().at("a"), "1");
  EXPECT_EQ(prompt.arguments().size(), 2u);
  const auto of_prompt = RequestOf<gm::CompletionRequest>(
      "completion/complete", R"({"ref":{"type":"ref/prompt","name":"p"},
          "argument":{"name":"a","value":"x"},"context":{"arguments":{"b":"y"}}})");
  EXPECT_EQ(of_prompt.prompt_reference().name(), "p");
  EXPECT_FALSE(of_prompt.has_resource_reference());
  EXPECT_EQ(of_prompt.argument().value(), "x");
  EXPECT_EQ(of_prompt.context().arguments().at("b"), "y");
  const auto of_resource = RequestOf<gm::CompletionRequest>(
      "completion/complete",
      R"({"ref":{"type":"ref/resource","uri":"t://{x}"},"argument":{"name":"x","value":""}})");
  EXPECT_EQ(of_resource.resource_reference().uri(), "t://{x}");
  for (const char* list :
       {"tools/list", "resources/list", "resources/templates/list", "prompts/list"}) {
    EXPECT_TRUE(ToGoogleRequest(list, "").has_value()) << list;
  }
}

TEST(GoogleRequestTest, AnswersToQuestionsGoWithTheirState) {
  const auto request = RequestOf<gm::CallToolRequest>("tools/call", R"({"name":"a",
      "requestState":"s","inputResponses":{
        "e":{"action":"accept","content":{"x":1}},
        "r":{"roots":[{"uri":"file:///a","name":"A"}]},
        "s":{"role":"assistant","content":{"type":"text","text":"t"},"model":"m"}}})");
  const auto& common = request.common();
  EXPECT_EQ(common.request_state(), "s");
  EXPECT_EQ(common.input_responses().at("e").elicit_result().type(), gm::ElicitResult::TYPE_ACCEPT);
  EXPECT_EQ(common.input_responses().at("r").root_list_result().roots(0).name(), "A");
  EXPECT_EQ(
      common.input_responses().at("s").sampling_create_message_result().message().text().text(),
      "t");
}

TEST(GoogleRequestTest, WhatTheirMessagesCannotSayIsRefused) {
  EXPECT_EQ(RefusalOf("resources/subscribe", R"({"uri":"a"})").reason, Reason::kMethodNotFound);
  const Error rounded =
      RefusalOf("tools/call", R"({"name":"a","arguments":{"id":9007199254740993}})");
  EXPECT_EQ(rounded.reason, Reason::kInvalidArguments);
  EXPECT_NE(rounded.message.find("2^53"), std::string::npos);
  EXPECT_EQ(RefusalOf("prompts/get", R"({"name":"a","arguments":{"n":1}})").reason,
            Reason::kInvalidArguments);
  EXPECT_EQ(RefusalOf("tools/call", R"({"name":"a","inputResponses":{"k":{"what":1}}})").reason,
            Reason::kInvalidArguments);
  std::string deep = "1";
  for (int i = 0; i < 60; ++i) deep = "[" + deep + "]";
  EXPECT_EQ(RefusalOf("tools/call", R"({"name":"a","arguments":{"x":)" + deep + "}}").reason,
            Reason::kInvalidArguments);
}

// What goes through the reader here is read by the server's as well.
TEST(GoogleRequestTest, TheDeepestArgumentsThatAreTakenCanBeRead) {
  std::string deep = "1";
  int taken = 0;
  for (int levels = 1; levels < 60; ++levels) {
    deep = "[" + deep + "]";
    const auto request =
        ToGoogleRequest("tools/call", R"({"name":"a","arguments":{"x":)" + deep + "}}");
    if (!request) continue;
    gm::CallToolRequest call;
    EXPECT_TRUE(call.ParseFromString(request->body)) << levels;
    taken = levels;
  }
  EXPECT_GT(taken, 40);
}

TEST(GoogleResultTest, EveryKindOfContent) {
  gm::CallToolResponse response;
  *response.mutable_common() = Common();
  auto& text = *response.add_content()->mutable_text();
  text.set_text("t\"");
  text.mutable_annotations()->add_audience(gm::ROLE_USER);
  text.mutable_annotations()->set_priority(0.1F);
  text.mutable_annotations()->set_last_modified("2026-01-01T00:00:00Z");
  *text.mutable_metadata() = StructOf(R"({"k":1})");
  auto& image = *response.add_content()->mutable_image();
  image.set_data(std::string("\0\1", 2));
  image.set_mime_type("image/png");
  response.add_content()->mutable_audio()->set_data("AAE=");
  auto& embedded = *response.add_content()->mutable_embedded_resource();
  embedded.mutable_contents()->set_uri("a://b");
  embedded.mutable_contents()->set_blob("\xff");
  auto& link = *response.add_content()->mutable_resource_link();
  link.set_uri("u");
  link.set_name("n");
  link.set_size(3);
  *response.mutable_structured_content() = StructOf(R"({"b":2,"a":[1]})");
  response.set_is_error(true);
  EXPECT_EQ(ResultOf("tools/call", response).value(),
            R"({"resultType":"complete",)" + std::string(kServerInfo) +
                R"(,"content":[{"type":"text","text":"t\"","annotations":{"audience":["user"],)"
                R"("priority":0.1,"lastModified":"2026-01-01T00:00:00Z"},"_meta":{"k":1}},)"
                R"({"type":"image","data":"AAE=","mimeType":"image/png"},)"
                R"({"type":"audio","data":"AAE=","mimeType":""},)"
                R"({"type":"resource","resource":{"uri":"a://b","blob":"/w=="}},)"
                R"({"type":"resource_link","name":"n","uri":"u","size":3}],)"
                R"("structuredContent":{"a":[1],"b":2},"isError":true})");
}

TEST(GoogleResultTest, BytesAreTheBytesOrTheirBase64) {
  gm::CallToolResponse response;
  response.add_content()->mutable_image()->set_data("AAE=");
  EXPECT_NE(ResultOf("tools/call", response).value().find(R"("data":"AAE=")"), std::string::npos);
  EXPECT_NE(ResultOf("tools/call", response, BytesForm::kRaw).value().find(R"("data":"QUFFPQ==")"),
            std::string::npos);
  response.mutable_content(0)->mutable_image()->set_data("\x89PNG\r\n\x1a\n");
  EXPECT_NE(ResultOf("tools/call", response).value().find(R"("data":"iVBORw0KGgo=")"),
            std::string::npos);
}

TEST(GoogleResultTest, AServerThatDoesNotSayWhoItIsIsTheBridges) {
  const std::string result = ResultOf("tools/call", gm::CallToolResponse()).value();
  EXPECT_NE(result.find(R"("_meta":{"io.modelcontextprotocol/serverInfo":{"name":"mcp-bridge")"),
            std::string::npos)
      << result;
  gm::CallToolResponse more;
  *more.mutable_common()->mutable_metadata() = StructOf(R"({"k":1})");
  EXPECT_NE(ResultOf("tools/call", more).value().find(R"(},"k":1})"), std::string::npos);
}

TEST(GoogleResultTest, ListsHaveWhatTheirItemsSayAndALifetime) {
  gm::ListToolsResponse response;
  *response.mutable_common() = Common();
  auto& tool = *response.add_tools();
  tool.set_name("a");
  *tool.mutable_input_schema() = StructOf(R"({"type":"object"})");
  tool.mutable_annotations()->set_read_only_hint(true);
  tool.add_icons()->set_src("i");
  tool.mutable_icons(0)->set_theme(gm::Icon::THEME_DARK);
  response.add_tools()->set_name("bare");
  response.mutable_ttl()->set_seconds(1);
  response.mutable_ttl()->set_nanos(500'000'000);
  response.set_cache_scope(gm::CACHE_SCOPE_PUBLIC);
  EXPECT_EQ(ResultOf("tools/list", response).value(),
            R"({"resultType":"complete",)" + std::string(kServerInfo) +
                R"(,"tools":[{"name":"a","icons":[{"src":"i","theme":"dark"}],)"
                R"("inputSchema":{"type":"object"},"annotations":{"readOnlyHint":true,)"
                R"("destructiveHint":false,"idempotentHint":false,"openWorldHint":false}},)"
                R"({"name":"bare","inputSchema":{"type":"object"}}],)"
                R"("ttlMs":1500,"cacheScope":"public"})");
  response.clear_ttl();
  response.clear_cache_scope();
  EXPECT_NE(ResultOf("tools/list", response).value().find(R"("ttlMs":0,"cacheScope":"private")"),
            std::string::npos);
}

TEST(GoogleResultTest, EqualResponsesHaveEqualTexts) {
  gm::ListToolsResponse response;
  *response.add_tools()->mutable_input_schema() =
      StructOf(R"({"a":1,"b":{"x":1,"y":2,"z":3},"c":2,"d":3,"e":4})");
  const std::string body = response.SerializeAsString();
  const std::string first = ResultOf("tools/list", response).value();
  for (int i = 0; i < 20; ++i) {
    gm::ListToolsResponse again;
    ASSERT_TRUE(again.ParseFromString(body));
    EXPECT_EQ(ResultOf("tools/list", again).value(), first);
  }
}

TEST(GoogleResultTest, ResourcesPromptsAndCompletion) {
  gm::ReadResourceResponse read;
  *read.mutable_common() = Common();
  read.add_resource()->set_uri("a");
  EXPECT_EQ(ResultOf("resources/read", read).value(),
            R"({"resultType":"complete",)" + std::string(kServerInfo) +
                R"(,"contents":[{"uri":"a","text":""}],"ttlMs":0,"cacheScope":"private"})");
  gm::GetPromptResponse prompt;
  *prompt.mutable_common() = Common();
  prompt.set_description("d");
  auto& message = *prompt.add_messages();
  message.set_role(gm::ROLE_ASSISTANT);
  message.mutable_text()->set_text("t");
  EXPECT_EQ(ResultOf("prompts/get", prompt).value(),
            R"({"resultType":"complete",)" + std::string(kServerInfo) +
                R"(,"description":"d","messages":[{"role":"assistant",)"
                R"("content":{"type":"text","text":"t"}}]})");
  gm::CompletionResponse completion;
  *completion.mutable_common() = Common();
  completion.add_values("x");
  completion.set_total_matches(2);
  completion.set_has_more(true);
  EXPECT_EQ(ResultOf("completion/complete", completion).value(),
            R"({"resultType":"complete",)" + std::string(kServerInfo) +
                R"(,"completion":{"values":["x"],"total":2,"hasMore":true}})");
}

TEST(GoogleResultTest, AQuestionIsNoResultYet) {
  gm::CallToolResponse response;
  *response.mutable_common() = Common();
  response.mutable_common()->set_request_state("st");
  auto& question = (*response.mutable_common()->mutable_input_requests())["k"];
  question.mutable_elicit_request()->set_message("Sure?");
  EXPECT_EQ(ResultOf("tools/call", response).value(),
            R"({"resultType":"input_required","requestState":"st","inputRequests":{"k":)"
            R"({"method":"elicitation/create","params":{"message":"Sure?",)"
            R"("requestedSchema":{"properties":{},"type":"object"}}}},)" +
                std::string(kServerInfo) + "}");
}

TEST(GoogleResultTest, WhatCannotBeReadIsSaid) {
  const auto reason = [](const Result<std::string>& result) {
    return result ? "none" : InfoOf(result.error().reason).name;
  };
  gm::CallToolResponse unknown;
  unknown.add_content();
  EXPECT_EQ(reason(ResultOf("tools/call", unknown)), "UPSTREAM_PROTOCOL");
  gm::CallToolResponse infinite;
  (*infinite.mutable_structured_content()->mutable_fields())["x"].set_number_value(
      std::numeric_limits<double>::infinity());
  EXPECT_EQ(reason(ResultOf("tools/call", infinite)), "UPSTREAM_PROTOCOL");
  gm::CallToolResponse question;
  (*question.mutable_common()->mutable_input_requests())["k"];
  EXPECT_EQ(reason(ResultOf("tools/call", question)), "UPSTREAM_PROTOCOL");
  google::protobuf::io::ArrayInputStream garbage("\xff\xff", 2);
  EXPECT_EQ(reason(FromGoogleResponse("tools/call", garbage, BytesForm::kEither)),
            "UPSTREAM_PROTOCOL");
}

TEST(GoogleQuestionsTest, EveryQuestionThereAndBack) {
  for (const char* params : {
           R"({"message":"m","requestedSchema":{"properties":{
                "b":{"default":true,"description":"d","title":"t","type":"boolean"},
                "c":{"default":"y","enum":["x","y"],"type":"string"},
                "i":{"default":3,"maximum":5,"minimum":-1,"type":"integer"},
                "l":{"default":["x"],"items":{"enum":["x","y"],"type":"string"},"maxItems":2,
                     "minItems":1,"type":"array"},
                "m":{"items":{"anyOf":[{"const":"x","title":"X"}]},"type":"array"},
                "n":{"default":0.5,"minimum":0.25,"type":"number"},
                "o":{"oneOf":[{"const":"x","title":"X"},{"const":"y","title":"Y"}],
                     "type":"string"},
                "s":{"default":"","format":"date-time","maxLength":9,"minLength":0,
                     "type":"string"}},
              "required":["s","b"],"type":"object"}})",
           R"({"elicitationId":"7","message":"m","mode":"url","url":"https://x"})"}) {
    gm::InputRequest question;
    const Struct before = StructOf(params);
    ASSERT_TRUE(ToGoogle("elicitation/create", before, question));
    const auto after = FromGoogle(question);
    ASSERT_TRUE(after.has_value());
    EXPECT_EQ(StructToJson(after->fields().at("params").struct_value()).value(),
              StructToJson(before).value());
  }
  gm::InputRequest sampling;
  const Struct before = StructOf(R"({"includeContext":"thisServer","maxTokens":9,
      "messages":[{"content":{"text":"t","type":"text"},"role":"user"},
                  {"content":{"data":"AAE=","mimeType":"m","type":"image"},"role":"assistant"}],
      "modelPreferences":{"costPriority":0.5,"hints":[{"name":"h"}],"intelligencePriority":1,
                          "speedPriority":0},
      "stopSequences":["."],"systemPrompt":"s","temperature":0.25})");
  ASSERT_TRUE(ToGoogle("sampling/createMessage", before, sampling));
  EXPECT_EQ(StructToJson(FromGoogle(sampling)->fields().at("params").struct_value()).value(),
            StructToJson(before).value());
  gm::InputRequest roots;
  ASSERT_TRUE(ToGoogle("roots/list", Struct(), roots));
  EXPECT_EQ(StructToJson(*FromGoogle(roots)).value(), R"({"method":"roots/list"})");
}

TEST(GoogleQuestionsTest, EveryAnswerThereAndBack) {
  for (const char* json :
       {R"({"action":"accept","content":{"x":1}})", R"({"action":"decline"})",
        R"({"action":"cancel"})", R"({"roots":[]})", R"({"roots":[{"name":"n","uri":"u"}]})",
        R"({"content":{"text":"t","type":"text"},"model":"m","role":"assistant",
            "stopReason":"endTurn"})"}) {
    gm::InputResponse answer;
    const Struct before = StructOf(json);
    ASSERT_TRUE(ToGoogle(before, answer)) << json;
    EXPECT_EQ(StructToJson(*FromGoogle(answer)).value(), StructToJson(before).value());
  }
}

TEST(GoogleQuestionsTest, WhatTheirsCannotSay) {
  gm::InputRequest question;
  EXPECT_FALSE(ToGoogle("tasks/get", Struct(), question));
  EXPECT_FALSE(
      ToGoogle("sampling/createMessage", StructOf(R"({"messages":[],"tools":[]})"), question));
  EXPECT_FALSE(ToGoogle(
      "elicitation/create",
      StructOf(R"({"message":"m","requestedSchema":{"properties":{"a":{"type":"object"}}}})"),
      question));
  gm::InputResponse answer;
  EXPECT_FALSE(ToGoogle(StructOf(R"({"action":"shrug"})"), answer));
  EXPECT_FALSE(FromGoogle(gm::InputRequest()).has_value());
  EXPECT_FALSE(FromGoogle(gm::InputResponse()).has_value());
}

}  // namespace
}  // namespace mcpbridge

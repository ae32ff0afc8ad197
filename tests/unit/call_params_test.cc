#include "server/mcp/call_params.h"

#include <gtest/gtest.h>

#include <string>

#include "server/mcp/initialize.h"

namespace mcpbridge {
namespace {

Result<CallParams> ParamsOf(const std::string& params) {
  jsonrpc::Parser parser;
  jsonrpc::Text text(R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":)" + params + "}");
  auto message = jsonrpc::Parse(parser, text);
  if (!message) return message.error();
  return ParseCallParams(*message);
}

TEST(CallParamsTest, ChangesNameAndTokenAndNothingElse) {
  auto params = ParamsOf(
      R"({ "_meta":{"progressToken": "tok" ,"x":1e400}, "name" : "srv-t\u00e9" ,"arguments":{"n":9007199254740993}, "task":{} })");
  ASSERT_TRUE(params);
  EXPECT_EQ(params->name, "srv-t\xC3\xA9");
  params->Rewrite("t\xC3\xA9", "77");
  EXPECT_EQ(params->raw,
            "{ \"_meta\":{\"progressToken\": 77 ,\"x\":1e400}, \"name\" : \"t\xC3\xA9\" "
            ",\"arguments\":{\"n\":9007199254740993}, \"task\":{} }");
}

TEST(CallParamsTest, TheSameNameStaysAsItWasSpelled) {
  auto params = ParamsOf(R"({"name":"a\u0062","arguments":{}})");
  ASSERT_TRUE(params);
  params->Rewrite("ab", "");
  EXPECT_EQ(params->raw, R"({"name":"a\u0062","arguments":{}})");
}

TEST(CallParamsTest, TokenBehindTheName) {
  auto params = ParamsOf(R"({"name":"x-a","_meta":{"progressToken":1}})");
  ASSERT_TRUE(params);
  params->Rewrite("a", "12345");
  EXPECT_EQ(params->raw, R"({"name":"a","_meta":{"progressToken":12345}})");
}

TEST(CallParamsTest, RefusesWhatAServerCouldReadInAnotherWay) {
  for (const char* params :
       {"{}", R"({"name":""})", R"({"name":7})", R"({"name":"a","name":"b"})",
        R"({"name":"a","n\u0061me":"b"})", R"({"name":"a","arguments":[]})",
        R"({"name":"a","arguments":null})", R"({"name":"a","arguments":{},"arguments":{}})",
        R"({"name":"a","arguments":{"x":nul}})", R"({"name":"a","arguments":{"x":01}})",
        R"({"name":"a","arguments":{"x":"\q"}})", R"({"name":"a","arguments":{"x":[1}})",
        R"({"name":"a","_meta":7})", R"({"name":"a","_meta":{"progressToken":{}}})",
        R"({"name":"a","_meta":{"progressToken":1,"progressToken":2}})",
        R"({"name":"a","x":tru})"}) {
    const auto result = ParamsOf(params);
    ASSERT_FALSE(result) << params;
    EXPECT_TRUE(result.error().reason == Reason::kInvalidArguments ||
                result.error().reason == Reason::kInvalidJson)
        << params;
  }
}

TEST(CallParamsTest, RefusesAbysmallyDeepArguments) {
  const std::string deep(200, '[');
  EXPECT_FALSE(ParamsOf(R"({"name":"a","arguments":{"x":)" + deep + std::string(200, ']') + "}}"));
}

TEST(CallParamsTest, MadeFromParts) {
  const auto params = MakeCallParams("t\"x", R"({"n": 9007199254740993})", R"({"k":true})");
  ASSERT_TRUE(params);
  EXPECT_EQ(params->raw,
            R"({"name":"t\"x","arguments":{"n": 9007199254740993},"_meta":{"k":true}})");
  EXPECT_EQ(params->name, "t\"x");
  EXPECT_EQ(MakeCallParams("a", "", "").value().raw, R"({"name":"a"})");
}

TEST(CallParamsTest, PartsCannotBreakOut) {
  for (const char* arguments : {R"({},"x":1)", R"({}}{)", R"({"a":1}})", "7", "[]", "{",
                                R"({},"name":"b")", R"({},"_meta":{})"}) {
    EXPECT_FALSE(MakeCallParams("a", arguments, "")) << arguments;
  }
  EXPECT_FALSE(MakeCallParams("", "{}", ""));
}

TEST(InitializeTest, EchoesLegacyVersionsAndOffersTheNewestOtherwise) {
  const auto version = [](std::string_view asked) {
    return ParseInitializeResult(InitializeAnswer(asked)).value().protocol_version;
  };
  EXPECT_EQ(version("2024-11-05"), "2024-11-05");
  EXPECT_EQ(version("2025-06-18"), "2025-06-18");
  EXPECT_EQ(version("2026-07-28"), "2025-11-25");
  EXPECT_EQ(version("1999"), "2025-11-25");
}

TEST(InitializeTest, ReadsAServersAnswer) {
  const auto result = ParseInitializeResult(
      R"({"serverInfo":{"version":"2","name":"n"},"capabilities":{"tools":{}},"protocolVersion":"2025-03-26"})");
  ASSERT_TRUE(result);
  EXPECT_EQ(result->server_name, "n");
  EXPECT_EQ(result->server_version, "2");
  EXPECT_EQ(result->capabilities, R"({"tools":{}})");
  EXPECT_TRUE(result->has_tools);
  EXPECT_FALSE(result->has_resources);
  EXPECT_FALSE(result->has_prompts);
  for (const char* bad :
       {"7", "{}", R"({"protocolVersion":"2026-07-28"})", R"({"protocolVersion":7})"}) {
    EXPECT_EQ(ParseInitializeResult(bad).error().reason, Reason::kUpstreamProtocol) << bad;
  }
}

TEST(InitializeTest, ReadsWhatAServerDeclares) {
  const auto read = [](const std::string& capabilities) {
    return ParseInitializeResult(R"({"protocolVersion":"2025-03-26")" + capabilities + "}").value();
  };
  const std::string all =
      R"({ "prompts":{},"x":[12345678901234567890],"resources":{"subscribe":true}})";
  const InitializeResult some = read(R"(,"capabilities": )" + all + " ");
  EXPECT_EQ(some.capabilities, all);
  EXPECT_FALSE(some.has_tools);
  EXPECT_TRUE(some.has_resources);
  EXPECT_TRUE(some.has_prompts);
  EXPECT_FALSE(read(R"(,"capabilities":{"logging":{},"tools":null})").has_tools);
  for (const char* nothing : {"", R"(,"capabilities":{})", R"(,"capabilities":null)"}) {
    EXPECT_TRUE(read(nothing).has_tools) << nothing;
    EXPECT_FALSE(read(nothing).has_prompts) << nothing;
  }
}

}  // namespace
}  // namespace mcpbridge

#include "server/mcp/call_params.h"

#include <gtest/gtest.h>

#include <string>

#include "server/mcp/initialize.h"

namespace mcpbridge {
namespace {

Result<CallParams> ParamsOf(const std::string& params, CallMethod method = CallMethod::kCallTool) {
  jsonrpc::Parser parser;
  jsonrpc::Text text(R"({"jsonrpc":"2.0","id":1,"method":"m","params":)" + params + "}");
  auto message = jsonrpc::Parse(parser, text);
  if (!message) return message.error();
  return ParseCallParams(method, *message);
}

TEST(CallParamsTest, ChangesTheNameAndNothingElse) {
  auto params = ParamsOf(
      R"({ "_meta":{"progressToken": "tok" ,"x":1e400}, "name" : "srv-t\u00e9" ,"arguments":{"n":9007199254740993}, "task":{} })");
  ASSERT_TRUE(params);
  EXPECT_EQ(params->key, "srv-t\xC3\xA9");
  params->Rename("t\xC3\xA9");
  EXPECT_EQ(params->token_span.In(params->raw), "\"tok\"");
  EXPECT_EQ(params->raw,
            "{ \"_meta\":{\"progressToken\": \"tok\" ,\"x\":1e400}, \"name\" : \"t\xC3\xA9\" "
            ",\"arguments\":{\"n\":9007199254740993}, \"task\":{} }");
}

TEST(CallParamsTest, TheSameNameStaysAsItWasSpelled) {
  auto params = ParamsOf(R"({"name":"a\u0062","arguments":{}})");
  ASSERT_TRUE(params);
  params->Rename("ab");
  EXPECT_EQ(params->raw, R"({"name":"a\u0062","arguments":{}})");
}

TEST(CallParamsTest, TokenBehindTheName) {
  auto params = ParamsOf(R"({"name":"x-a","_meta":{"progressToken":1}})");
  ASSERT_TRUE(params);
  params->Rename("a");
  EXPECT_EQ(params->raw, R"({"name":"a","_meta":{"progressToken":1}})");
  EXPECT_EQ(params->token_span.In(params->raw), "1");
}

TEST(CallParamsTest, EveryMethodHasItsKey) {
  using Kind = CallParams::KeyKind;
  const struct {
    CallMethod method;
    const char* params;
    Kind kind;
    const char* key;
    const char* renamed;
  } kRows[] = {
      {CallMethod::kGetPrompt, R"({"name":"p","arguments":{"a":"b"}})", Kind::kPrompt, "p",
       R"({"name":"x","arguments":{"a":"b"}})"},
      {CallMethod::kReadResource, R"({"uri":"test:\/\/a"})", Kind::kResource, "test://a",
       R"({"uri":"x"})"},
      {CallMethod::kSubscribe, R"({"uri":"u"})", Kind::kResource, "u", R"({"uri":"x"})"},
      {CallMethod::kUnsubscribe, R"({"uri":"u"})", Kind::kResource, "u", R"({"uri":"x"})"},
      {CallMethod::kComplete,
       R"({"argument":{"name":"n","value":"v"},"ref":{"type":"ref/prompt","name":"p"}})",
       Kind::kPrompt, "p",
       R"({"argument":{"name":"n","value":"v"},"ref":{"type":"ref/prompt","name":"x"}})"},
      {CallMethod::kComplete, R"({"ref":{"uri":"u{v}","type":"ref/resource"},"argument":{}})",
       Kind::kResource, "u{v}", R"({"ref":{"uri":"x","type":"ref/resource"},"argument":{}})"},
  };
  for (const auto& row : kRows) {
    auto params = ParamsOf(row.params, row.method);
    ASSERT_TRUE(params) << row.params << ": " << params.error().message;
    EXPECT_EQ(CallMethodOf(NameOf(row.method)), row.method);
    EXPECT_EQ(params->kind, row.kind);
    EXPECT_EQ(params->key, row.key);
    params->Rename("x");
    EXPECT_EQ(params->raw, row.renamed);
  }
}

TEST(CallParamsTest, ARefNamesAPromptOrAResource) {
  for (const char* params :
       {"{}", R"({"ref":"p"})", R"({"ref":{"name":"p"}})", R"({"ref":{"type":"ref/prompt"}})",
        R"({"ref":{"type":"ref/prompt","uri":"u"}})", R"({"ref":{"type":"ref/x","name":"p"}})",
        R"({"ref":{"type":"ref/prompt","name":"p","uri":"u"}})",
        R"({"ref":{"type":"ref/prompt","name":"p","name":"q"}})",
        R"({"ref":{"type":"ref/prompt","name":7}})",
        R"({"ref":{"type":"ref/prompt","name":""}})"}) {
    const auto result = ParamsOf(params, CallMethod::kComplete);
    ASSERT_FALSE(result) << params;
    EXPECT_EQ(result.error().reason, Reason::kInvalidArguments) << params;
  }
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
  EXPECT_EQ(params->key, "t\"x");
  EXPECT_EQ(MakeCallParams("a", "", "").value().raw, R"({"name":"a"})");
}

TEST(CallParamsTest, PartsCannotBreakOut) {
  for (const char* arguments : {R"({},"x":1)", R"({}}{)", R"({"a":1}})", "7", "[]", "{",
                                R"({},"name":"b")", R"({},"_meta":{})"}) {
    EXPECT_FALSE(MakeCallParams("a", arguments, "")) << arguments;
  }
  EXPECT_FALSE(MakeCallParams("", "{}", ""));
}

Result<ClientProfile> ProfileOf(const std::string& params) {
  jsonrpc::Parser parser;
  jsonrpc::Text text(R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":)" + params + "}");
  auto message = jsonrpc::Parse(parser, text);
  if (!message) return message.error();
  return ParseInitialize(*message);
}

TEST(InitializeTest, EchoesLegacyVersionsAndOffersTheNewestOtherwise) {
  const auto version = [](const std::string& asked) {
    const auto profile = ProfileOf(R"({"protocolVersion":")" + asked + "\"}");
    return ParseInitializeResult(InitializeAnswer(profile.value().version, "{}", ""))
        .value()
        .protocol_version;
  };
  EXPECT_EQ(version("2024-11-05"), "2024-11-05");
  EXPECT_EQ(version("2025-06-18"), "2025-06-18");
  EXPECT_EQ(version("2026-07-28"), "2025-11-25");
  EXPECT_EQ(version("1999"), "2025-11-25");
}

TEST(InitializeTest, AClientIsPassedOnAsItIs) {
  const auto profile = ProfileOf(
      R"({"capabilities":{"x":{"n":1e400},"sampling":{},"roots":{"listChanged":true}},"protocolVersion":"2025-03-26","clientInfo":{"name":"\u00e9","z":[ 1]}})");
  ASSERT_TRUE(profile);
  EXPECT_TRUE(profile->CanAnswer("sampling/createMessage"));
  EXPECT_TRUE(profile->CanAnswer("roots/list"));
  EXPECT_FALSE(profile->CanAnswer("elicitation/create"));
  EXPECT_FALSE(profile->CanAnswer("sampling/else"));
  EXPECT_EQ(
      InitializeParams(*profile),
      R"({"protocolVersion":"2025-03-26","capabilities":{"x":{"n":1e400},"sampling":{},"roots":{"listChanged":true}},"clientInfo":{"name":"\u00e9","z":[ 1]}})");
  for (const char* bad :
       {"{}", R"({"protocolVersion":7})", R"({"protocolVersion":"2025-03-26","capabilities":[]})",
        R"({"protocolVersion":"2025-03-26","clientInfo":"me"})",
        R"({"protocolVersion":"2025-03-26","capabilities":{"a":nul}})"}) {
    ASSERT_FALSE(ProfileOf(bad)) << bad;
  }
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

TEST(InitializeTest, SeveralServersTogetherCanDoWhatAnyOfThemCan) {
  EXPECT_EQ(MergeCapabilities({R"({"resources":{"x":1},"tools":{}})",
                               R"({"resources":{"subscribe":true,"listChanged":false,"y":true}})"}),
            R"({"resources":{"subscribe":true,"x":1},"tools":{}})");
  EXPECT_EQ(WithoutSubscribe(R"({"resources":{"subscribe":true,"listChanged":true},"tools":{}})"),
            R"({"resources":{"listChanged":true},"tools":{}})");
  EXPECT_EQ(WithoutSubscribe(R"({"tools":{}})"), R"({"tools":{}})");
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

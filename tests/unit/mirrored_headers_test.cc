#include "server/mcp/mirrored_headers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "server/mcp/header_value.h"
#include "tests/unit/fake_headers.h"

namespace mcpbridge {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

TEST(HeaderValueTest, WhatIsPlainStaysPlain) {
  for (const char* value : {"", "a", "get weather", "test://static/{id}", "=?base64?", "?=",
                            "=?base64?=", "=?BASE64?aGk=?=", "x=?base64?aGk=?=", "100%", "a,b"}) {
    EXPECT_EQ(EncodeHeaderValue(value), value);
    EXPECT_EQ(DecodeHeaderValue(value), value);
  }
}

TEST(HeaderValueTest, EverythingElseIsEncodedAndComesBack) {
  for (const std::string& value :
       {std::string("\xc3\xa9"), std::string(" a"), std::string("a "), std::string("a\nb"),
        std::string("\t"), std::string("a\0b", 3), std::string("=?base64?aGk=?="),
        std::string("\x7f"), std::string(100'000, '\n')}) {
    const std::string encoded = EncodeHeaderValue(value);
    EXPECT_TRUE(encoded.starts_with("=?base64?") && encoded.ends_with("?=")) << encoded;
    EXPECT_EQ(encoded.find_first_not_of("=?base64?ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrst"
                                        "uvwxyz0123456789+/"),
              std::string::npos);
    EXPECT_EQ(DecodeHeaderValue(encoded), value);
  }
  EXPECT_EQ(EncodeHeaderValue("H\xc3\xa9llo"), "=?base64?SMOpbGxv?=");
  EXPECT_EQ(DecodeHeaderValue("=?base64?SGVsbG8=?="), "Hello");
  EXPECT_EQ(DecodeHeaderValue(std::string("=?base64?") + "?="), "");
  EXPECT_EQ(DecodeHeaderValue(" \t tool  \t"), "tool");
  EXPECT_EQ(DecodeHeaderValue("  =?base64?IGEg?=  "), " a ");
}

TEST(HeaderValueTest, RefusesWhatNoClientEncodesSo) {
  for (const std::string& value : {
           std::string("=?base64?SGVsbG8?="),       // no padding
           std::string("=?base64?SGVsbG8==?="),     // too much of it
           std::string("=?base64?SGVsbG9=?="),      // bits left over
           std::string("=?base64?SGVs bG8=?="),     // white space
           std::string("=?base64?SGVsbG8=SGVs?="),  // goes on behind the padding
           std::string("=?base64?SGVs!G8=?="),      // another alphabet
           std::string("=?base64?-_-_?="),          // base64url
           std::string("=?base64?S?="),             // half a byte
           std::string("=?base64?====?="),          // nothing but padding
           std::string("=?base64?//79?="),          // not UTF-8
           std::string("=?base64?7aCA?="),          // a surrogate
           std::string("caf\xc3\xa9"),              // raw UTF-8
           std::string("a\x01"),
           std::string("a\0b", 3),
           std::string("a\tb"),
       }) {
    EXPECT_EQ(DecodeHeaderValue(value), std::nullopt) << value;
  }
}

TEST(CheckMirroredTest, WantsItOnceAndTheSame) {
  const auto check = [](const FakeHeaders& headers) {
    const auto error = CheckMirrored(headers, kNameHeader, "a", "params.name");
    if (!error) return std::string("ok");
    EXPECT_EQ(error->reason, Reason::kHeaderMismatch);
    return error->message;
  };
  EXPECT_EQ(check({{"mcp-name", "a"}}), "ok");
  EXPECT_EQ(check({{"MCP-NAME", " =?base64?YQ==?= "}}), "ok");
  EXPECT_EQ(check({{"x-name", "a"}}), "Mcp-Name is missing; it must repeat params.name");
  EXPECT_EQ(check({{"mcp-name", "a"}, {"Mcp-Name", "a"}}), "Mcp-Name occurs more than once");
  EXPECT_EQ(check({{"mcp-name", "A"}}), "Mcp-Name differs from params.name");
  EXPECT_EQ(check({{"mcp-name", "=?base64?YQ=?="}}), "Mcp-Name is malformed");
}

std::string Property(const std::string& type, const std::string& header) {
  return R"({"type":")" + type + R"(","x-mcp-header":")" + header + R"("})";
}

// A schema with these members beside its type.
std::string Schema(const std::string& members) { return R"({"type":"object",)" + members + "}"; }

const char kSchema[] = R"({"type":"object","x":1,"properties":{
    "region":{"x-mcp-header":"Region","type":"string","default":{"x-mcp-header":"data"}},
    "count":{"type":"integer","x-mcp-header":"Count"},
    "dry":{"type":"boolean","x-mcp-header":"Dry-Run"},
    "plain":{"type":"string","enum":["x-mcp-header"]},
    "deep":{"type":"object","properties":{"er":{"type":"string","x-mcp-header":"Deeper"}}}}})";

TEST(ParamHeadersTest, ASchemaWithoutAnnotationsHasNothingToCheck) {
  for (const char* schema : {"", "{}", R"({"type":"object","properties":{"a":{"type":"string"}}})",
                             R"({"properties":{"x-mcp-header":{"type":"string"}}})",
                             R"({"properties":{"a":{"const":{"x-mcp-header":7}}}})"}) {
    const auto headers = ParamHeaders::FromSchema(schema);
    ASSERT_TRUE(headers) << schema;
    EXPECT_TRUE(headers->empty()) << schema;
    EXPECT_FALSE(headers->Check(R"({"a":1})", FakeHeaders{{"Mcp-Param-Other", "x"}}));
    EXPECT_TRUE(headers->Build("{}")->empty());
  }
}

TEST(ParamHeadersTest, RefusesAnnotationsAgainstTheRules) {
  const std::string good = Property("string", "A");
  for (const std::string& schema : {
           Schema(R"("properties":{"a":)" + Property("number", "A") + "}"),
           Schema(R"("properties":{"a":)" + Property("object", "A") + "}"),
           Schema(R"("properties":{"a":{"x-mcp-header":"A"}})"),
           Schema(R"("properties":{"a":{"type":["string","null"],"x-mcp-header":"A"}})"),
           Schema(R"("properties":{"a":{"type":"string","x-mcp-header":7}})"),
           Schema(R"("properties":{"a":)" + Property("string", "") + "}"),
           Schema(R"("properties":{"a":)" + Property("string", "A B") + "}"),
           Schema(R"("properties":{"a":)" + Property("string", "A\\r\\nX: y") + "}"),
           Schema(R"("properties":{"a":)" + Property("string", "\xc3\xa9") + "}"),
           Schema(R"("properties":{"a":)" + good + R"(,"b":)" + Property("string", "a") + "}"),
           Schema(R"("properties":{"a":)" + good + R"(,"a":{}})"),
           Schema(R"("properties":{"a":)" + good + R"(,"\u0061":)" + Property("string", "B") + "}"),
           Schema(R"("properties":{"a":{"type":"string","type":"string","x-mcp-header":"A"}})"),
           Schema(R"("x-mcp-header":"A")"),
           Schema(R"("items":)" + good),
           Schema(R"("anyOf":[{"properties":{"a":)" + good + "}}]"),
           Schema(R"("$defs":{"d":)" + good + "}"),
           Schema(R"("properties":{"a":{"type":"array","items":)" + good + "}}"),
           Schema(R"("if":{"properties":{"a":)" + good + "}}"),
           Schema(R"("patternProperties":{"a":)" + good + "}"),
           std::string("{"),
           std::string("true"),
           std::string("[]"),
           std::string(R"({"properties":{"a":)"),
       }) {
    const auto headers = ParamHeaders::FromSchema(schema);
    ASSERT_FALSE(headers) << schema;
    EXPECT_EQ(headers.error().reason, Reason::kUpstreamProtocol) << schema;
  }
}

TEST(ParamHeadersTest, DeepSchemasEndTheReading) {
  std::string schema = "{}";
  for (int i = 0; i < 5'000; ++i) schema = R"({"items":)" + schema + "}";
  EXPECT_FALSE(ParamHeaders::FromSchema(schema));
  EXPECT_FALSE(ParamHeaders::FromSchema(std::string(100'000, '[')));
}

TEST(ParamHeadersTest, BuildsWhatTheArgumentsSay) {
  const auto headers = ParamHeaders::FromSchema(kSchema);
  ASSERT_TRUE(headers) << headers.error().message;
  EXPECT_THAT(
      *headers->Build(
          R"({"count":9007199254740991,"region":"us west","dry":false,"deep":{"er":"\u00e9"}})"),
      ElementsAre(Pair("Mcp-Param-Region", "us west"), Pair("Mcp-Param-Count", "9007199254740991"),
                  Pair("Mcp-Param-Dry-Run", "false"), Pair("Mcp-Param-Deeper", "=?base64?w6k=?=")));
  EXPECT_THAT(*headers->Build(R"({"region":null,"count":{},"deep":[],"x":{"er":"no"}})"),
              ElementsAre());
  EXPECT_THAT(*headers->Build(R"({"count":4.2e1})"), ElementsAre(Pair("Mcp-Param-Count", "42")));
  EXPECT_THAT(*headers->Build(R"({"r\u0065gion":""})"), ElementsAre(Pair("Mcp-Param-Region", "")));
  EXPECT_THAT(*headers->Build(""), ElementsAre());
  EXPECT_FALSE(headers->Build("[]"));
  EXPECT_FALSE(headers->Build(R"({"region":"a","region":"b"})"));
  EXPECT_FALSE(headers->Build(R"({"region":"a","r\u0065gion":"b"})"));
  EXPECT_FALSE(headers->Build(R"({"deep":{"er":"a","er":"b"}})"));
  EXPECT_FALSE(headers->Build(R"({"region":)"));
}

struct ParamCase {
  const char* arguments;
  std::vector<HeaderField> headers;
  bool passes;
};

TEST(ParamHeadersTest, ChecksHeadersAgainstArguments) {
  const auto params = ParamHeaders::FromSchema(kSchema);
  ASSERT_TRUE(params);
  const std::vector<ParamCase> cases = {
      {"{}", {}, true},
      {"", {}, true},
      {R"({"region":"a"})", {{"mcp-param-region", "a"}}, true},
      {R"({"region":"a"})", {{"MCP-PARAM-REGION", " =?base64?YQ==?= "}}, true},
      {R"({"region":"a"})", {{"Mcp-Param-Region", "a"}, {"Mcp-Param-New", "?"}}, true},
      {R"({"region":"=?base64?YQ==?="})", {{"Mcp-Param-Region", "=?base64?YQ==?="}}, false},
      {R"({"region":"SGVsbG8=?="})", {{"Mcp-Param-Region", "SGVsbG8=?="}}, true},
      {R"({"region":"=?base64?YQ=="})", {{"Mcp-Param-Region", "=?base64?YQ=="}}, true},
      {R"({"region":"a"})", {}, false},
      {R"({"region":"a"})", {{"Mcp-Param-Region", "A"}}, false},
      {R"({"region":"a"})", {{"Mcp-Param-Region", "=?base64?YQ?="}}, false},
      {R"({"region":"a"})", {{"Mcp-Param-Region", "=?base64?Y!==?="}}, false},
      {R"({"region":"a"})", {{"Mcp-Param-Region", "a"}, {"mcp-param-region", "a"}}, false},
      {R"({"region":""})", {{"Mcp-Param-Region", ""}}, true},
      {R"({"region":null})", {}, true},
      {R"({"region":null})", {{"Mcp-Param-Region", "null"}}, false},
      {"{}", {{"Mcp-Param-Region", "a"}}, false},
      {R"({"region":["a"]})", {{"Mcp-Param-Region", "a"}}, false},
      {R"({"region":["a"]})", {}, true},
      {R"({"region":7})", {{"Mcp-Param-Region", "7"}}, true},
      {R"({"count":42})", {{"Mcp-Param-Count", "42"}}, true},
      {R"({"count":42})", {{"Mcp-Param-Count", "42.0"}}, true},
      {R"({"count":42.0})", {{"Mcp-Param-Count", "42"}}, true},
      {R"({"count":42})", {{"Mcp-Param-Count", "42.5"}}, false},
      {R"({"count":42})", {{"Mcp-Param-Count", "042"}}, false},
      {R"({"count":42})", {{"Mcp-Param-Count", "0x2a"}}, false},
      {R"({"count":42})", {{"Mcp-Param-Count", "42"}, {"Mcp-Param-Count", "42"}}, false},
      {R"({"count":-0})", {{"Mcp-Param-Count", "0"}}, true},
      {R"({"count":"42"})", {{"Mcp-Param-Count", "42"}}, true},
      {R"({"count":9007199254740993})", {{"Mcp-Param-Count", "9007199254740992"}}, false},
      {R"({"count":1e999})", {{"Mcp-Param-Count", "1e999"}}, true},
      {R"({"dry":true})", {{"Mcp-Param-Dry-Run", "true"}}, true},
      {R"({"dry":true})", {{"Mcp-Param-Dry-Run", "True"}}, false},
      {R"({"dry":true})", {{"Mcp-Param-Dry-Run", "1"}}, false},
      {R"({"deep":{"er":"a"}})", {{"Mcp-Param-Deeper", "a"}}, true},
      {R"({"deep":{"er":"a"}})", {}, false},
      {R"({"deep":"a"})", {}, true},
  };
  for (const ParamCase& one : cases) {
    const auto error = params->Check(one.arguments, FakeHeaders(one.headers));
    EXPECT_EQ(!error, one.passes) << one.arguments << " " << (error ? error->message : "");
    EXPECT_TRUE(!error || error->reason == Reason::kHeaderMismatch) << one.arguments;
  }
  EXPECT_EQ(params->Check("7", FakeHeaders{})->reason, Reason::kInvalidArguments);
}

TEST(ParamHeadersTest, WhatIsBuiltPassesTheCheck) {
  const auto params = ParamHeaders::FromSchema(kSchema);
  ASSERT_TRUE(params);
  for (const char* arguments :
       {R"({"region":" a "})", R"({"region":"\u0000\ud83d\ude00","count":-1e3,"dry":true})",
        R"({"count":1.5})", R"({"deep":{"er":"=?base64?YQ==?="}})", R"({"count":-0.0})"}) {
    const auto built = params->Build(arguments);
    ASSERT_TRUE(built) << arguments;
    EXPECT_FALSE(built->empty());
    const auto error = params->Check(arguments, FakeHeaders(*built));
    EXPECT_FALSE(error) << arguments << " " << error->message;
  }
}

}  // namespace
}  // namespace mcpbridge

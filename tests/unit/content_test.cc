#include <gtest/gtest.h>

#include <string>

#include "server/frontend/grpc/results.h"
#include "server/jsonrpc/message.h"
#include "server/protojson/base64.h"

namespace mcpbridge {
namespace {

struct Outcome {
  v1::CallToolResponse response;
  std::optional<Error> error;
};

Outcome Run(const std::string& result, v1::ResultFormat format) {
  jsonrpc::Parser parser;
  jsonrpc::Text text("{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":" + result + "}");
  Result<jsonrpc::Message> message = jsonrpc::Parse(parser, text);
  Outcome outcome;
  if (message) {
    outcome.error = FillResult(*message, format, outcome.response);
  } else {
    outcome.error = message.error();
  }
  return outcome;
}

Outcome Typed(const std::string& result) { return Run(result, v1::RESULT_FORMAT_TYPED); }
Outcome Json(const std::string& result) { return Run(result, v1::RESULT_FORMAT_JSON); }

Outcome Block(const std::string& block) { return Typed("{\"content\":[" + block + "]}"); }

void ExpectRefused(const Outcome& outcome, const std::string& what) {
  ASSERT_TRUE(outcome.error.has_value()) << what;
  EXPECT_EQ(outcome.error->reason, Reason::kUpstreamProtocol);
  EXPECT_NE(outcome.error->message.find(what), std::string::npos) << outcome.error->message;
}

TEST(ContentTest, TextWithItsTypeAnywhere) {
  for (const char* block :
       {R"({"type":"text","text":"h\u00e9\/"})", R"({"text":"h\u00e9\/","type":"text"})",
        R"({"x":{"type":"image"},"text":"h\u00e9\/","y":[1],"type":"text"})"}) {
    const Outcome outcome = Block(block);
    ASSERT_FALSE(outcome.error.has_value()) << outcome.error->message;
    ASSERT_EQ(outcome.response.content_size(), 1);
    EXPECT_EQ(outcome.response.content(0).text().text(), "h\xc3\xa9/");
    EXPECT_FALSE(outcome.response.content(0).has_annotations());
  }
}

TEST(ContentTest, BytesAreDecoded) {
  const Outcome outcome =
      Typed(R"({"content":[{"type":"image","data":"AAEC\/w==","mimeType":"image/png"},
                           {"mimeType":"audio/wav","data":"","type":"audio"}]})");
  ASSERT_FALSE(outcome.error.has_value()) << outcome.error->message;
  EXPECT_EQ(outcome.response.content(0).image().data(), std::string("\0\1\2\xff", 4));
  EXPECT_EQ(outcome.response.content(0).image().mime_type(), "image/png");
  EXPECT_EQ(outcome.response.content(1).audio().data(), "");
  EXPECT_EQ(outcome.response.content(1).audio().mime_type(), "audio/wav");
}

TEST(ContentTest, ResourceLink) {
  const Outcome outcome = Block(R"({"type":"resource_link","uri":"file:///a","name":"a","title":"A",
      "description":"d","mimeType":"text/plain","size":9007199254740993,"icons":[{"src":"x"}]})");
  ASSERT_FALSE(outcome.error.has_value()) << outcome.error->message;
  const v1::ResourceLink& link = outcome.response.content(0).resource_link();
  EXPECT_EQ(link.uri(), "file:///a");
  EXPECT_EQ(link.name(), "a");
  EXPECT_EQ(link.title(), "A");
  EXPECT_EQ(link.description(), "d");
  EXPECT_EQ(link.mime_type(), "text/plain");
  EXPECT_EQ(link.size(), 9007199254740993);
  const Outcome without = Block(R"({"type":"resource_link","uri":"u","name":"n","size":null})");
  EXPECT_FALSE(without.response.content(0).resource_link().has_size());
  const Outcome real = Block(R"({"type":"resource_link","uri":"u","name":"n","size":12.0})");
  EXPECT_EQ(real.response.content(0).resource_link().size(), 12);
}

TEST(ContentTest, EmbeddedResources) {
  const Outcome outcome = Typed(R"({"content":[
      {"type":"resource","resource":{"uri":"u:1","mimeType":"text/x","text":"t","_meta":{"a":1}}},
      {"resource":{"blob":"QUI=","uri":"u:2"},"type":"resource","_meta":{"b":true}}]})");
  ASSERT_FALSE(outcome.error.has_value()) << outcome.error->message;
  const v1::EmbeddedResource& text = outcome.response.content(0).resource();
  EXPECT_EQ(text.uri(), "u:1");
  EXPECT_EQ(text.mime_type(), "text/x");
  EXPECT_EQ(text.text(), "t");
  EXPECT_EQ(text.meta().fields().at("a").number_value(), 1);
  const v1::Content& blob = outcome.response.content(1);
  EXPECT_EQ(blob.resource().blob(), "AB");
  EXPECT_TRUE(blob.meta().fields().at("b").bool_value());
  EXPECT_FALSE(blob.resource().has_meta());
}

TEST(ContentTest, AnnotationsKeepWhatWasNotSaidApart) {
  const Outcome outcome = Block(R"({"type":"text","text":"t","annotations":
      {"audience":["user","assistant"],"priority":0,"lastModified":"2025-01-12T15:00:58Z","x":1}})");
  ASSERT_FALSE(outcome.error.has_value()) << outcome.error->message;
  const v1::Annotations& annotations = outcome.response.content(0).annotations();
  ASSERT_EQ(annotations.audience_size(), 2);
  EXPECT_EQ(annotations.audience(1), "assistant");
  EXPECT_TRUE(annotations.has_priority());
  EXPECT_EQ(annotations.priority(), 0);
  EXPECT_EQ(annotations.last_modified(), "2025-01-12T15:00:58Z");
  const Outcome none = Block(R"({"type":"text","text":"t","annotations":{}})");
  EXPECT_TRUE(none.response.content(0).has_annotations());
  EXPECT_FALSE(none.response.content(0).annotations().has_priority());
}

TEST(ContentTest, UnknownBlocksAreGivenAsTheyAre) {
  const Outcome outcome = Typed(
      R"({"content":[ {"type":"hologram", "n": 12345678901234567890, "o":{"a":null}} , {"a":1} ]})");
  ASSERT_FALSE(outcome.error.has_value()) << outcome.error->message;
  EXPECT_EQ(outcome.response.content(0).unknown_json(),
            R"({"type":"hologram", "n": 12345678901234567890, "o":{"a":null}})");
  EXPECT_EQ(outcome.response.content(1).unknown_json(), R"({"a":1})");
  ExpectRefused(Block(R"({"type":"hologram","n":nope})"), "not valid JSON");
  ExpectRefused(Block(R"({"type":"hologram","n":[1,]})"), "not valid JSON");
}

TEST(ContentTest, MembersOfTheResult) {
  const Outcome outcome = Typed(R"({"_meta":{"k":"v"},"isError":true,"structuredContent":[1,"a"],
                                    "future":{"x":[]},"content":[]})");
  ASSERT_FALSE(outcome.error.has_value()) << outcome.error->message;
  EXPECT_TRUE(outcome.response.is_error());
  EXPECT_EQ(outcome.response.meta().fields().at("k").string_value(), "v");
  EXPECT_EQ(outcome.response.structured_content().list_value().values(1).string_value(), "a");
  EXPECT_EQ(outcome.response.content_size(), 0);
}

TEST(ContentTest, NullIsAbsentButInStructuredContent) {
  const Outcome outcome = Typed(
      R"({"content":[{"type":"text","text":"t","annotations":null,"_meta":null}],"isError":null,
          "_meta":null,"structuredContent":null})");
  ASSERT_FALSE(outcome.error.has_value()) << outcome.error->message;
  EXPECT_FALSE(outcome.response.content(0).has_annotations());
  EXPECT_FALSE(outcome.response.has_meta());
  EXPECT_FALSE(outcome.response.is_error());
  EXPECT_EQ(outcome.response.structured_content().kind_case(), google::protobuf::Value::kNullValue);
}

TEST(ContentTest, MalformedResultsSayWhere) {
  ExpectRefused(Typed("[]"), "is not an object");
  ExpectRefused(Typed("7"), "is not an object");
  ExpectRefused(Typed(R"({"content":{}})"), "content is not an array");
  ExpectRefused(Typed(R"({"content":["a"]})"), "content[0] is not an object");
  ExpectRefused(Typed(R"({"isError":"no"})"), "isError is not a boolean");
  ExpectRefused(Typed(R"({"isError":nope})"), "isError is not a boolean");
  ExpectRefused(Typed(R"({"_meta":[]})"), "_meta is malformed");
  ExpectRefused(Typed(R"({"structuredContent":{"a":tru}})"), "structuredContent is malformed");
  ExpectRefused(Block(R"({"type":"text"})"), "content[0] has no text");
  ExpectRefused(Block(R"({"type":"text","text":7})"), "content[0] text is not a string");
  ExpectRefused(Block(R"({"type":"image","mimeType":"image/png"})"), "content[0] has no data");
  ExpectRefused(Block(R"({"type":"image","data":"A=A="})"), "content[0] data is not base64");
  ExpectRefused(Block(R"({"type":"resource_link","name":"n"})"), "content[0] has no uri");
  ExpectRefused(Block(R"({"type":"resource"})"), "content[0] has no resource");
  ExpectRefused(Block(R"({"type":"resource","resource":{"text":7,"uri":"u"}})"),
                "content[0].resource text is not a string");
  ExpectRefused(Typed(R"({"content":[{"type":"text","text":"a"},{"type":"text","text":null}]})"),
                "content[1] has no text");
}

TEST(ContentTest, NestingThatNoClientCouldReadIsSaidSo) {
  std::string deep = "1";
  for (int i = 0; i < 50; ++i) deep = "{\"a\":" + deep + "}";
  const Outcome outcome = Typed("{\"structuredContent\":" + deep + "}");
  ASSERT_TRUE(outcome.error.has_value());
  EXPECT_EQ(outcome.error->reason, Reason::kResponseTooLarge);
  EXPECT_NE(outcome.error->message.find("RESULT_FORMAT_JSON"), std::string::npos);
  EXPECT_FALSE(Json("{\"structuredContent\":" + deep + "}").error.has_value());
}

TEST(ContentTest, JsonIsVerbatim) {
  const std::string result =
      R"({ "content" : [ {"type":"x"} ], "n":18446744073709551617, "isError":true })";
  const Outcome outcome = Json(result);
  ASSERT_FALSE(outcome.error.has_value()) << outcome.error->message;
  EXPECT_EQ(outcome.response.result_json(), result);
  EXPECT_TRUE(outcome.response.is_error());
  EXPECT_EQ(outcome.response.content_size(), 0);
}

TEST(ContentTest, JsonIsCheckedAllTheWayDown) {
  ExpectRefused(Json(R"({"content":[{"a":nope}]})"), "not valid JSON");
  ExpectRefused(Json(R"({"isError":1})"), "isError is not a boolean");
  ExpectRefused(Json(R"("text")"), "not a JSON object");
}

TEST(ContentTest, Base64IsStrict) {
  const auto decode = [](std::string_view text) {
    std::string out;
    return DecodeBase64(text, out) ? std::optional(out) : std::nullopt;
  };
  EXPECT_EQ(decode(""), "");
  EXPECT_EQ(decode("QQ=="), "A");
  EXPECT_EQ(decode("QUI="), "AB");
  EXPECT_EQ(decode("QUJD"), "ABC");
  EXPECT_EQ(decode("+/+/"), "\xfb\xff\xbf");
  for (const char* bad : {"Q", "QQ", "QQ=", "QQQ", "=", "====", "Q===", "QQ==QQ==", "QU=D",
                          "QR==", "QUJ=", "QU\nI=", "QU-_", " QUI", "QUJD====", "Q\x80JD"}) {
    EXPECT_EQ(decode(bad), std::nullopt) << bad;
  }
}

TEST(ContentTest, Base64ThereAndBack) {
  for (const std::string& bytes :
       {std::string(), std::string("\0", 1), std::string("\xff\xfe"), std::string("\xfb\xef\xbe"),
        std::string("Man"), std::string("some more bytes")}) {
    std::string text = "x";
    AppendBase64(text, bytes);
    std::string back;
    EXPECT_TRUE(DecodeBase64(text.substr(1), back)) << text;
    EXPECT_EQ(back, bytes);
  }
}

}  // namespace
}  // namespace mcpbridge

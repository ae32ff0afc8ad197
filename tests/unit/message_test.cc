#include "server/jsonrpc/message.h"

#include <gtest/gtest.h>

#include <string>

namespace mcpbridge::jsonrpc {
namespace {

Reason ReasonOf(const std::string& json) {
  Parser parser;
  Text text(json);
  const auto message = Parse(parser, text);
  return message ? Reason::kInternal : message.error().reason;
}

TEST(MessageTest, ReadsARequestInPlace) {
  Parser parser;
  Text text(
      R"( {"params": {"a": [1, "}"]} , "id" : "x\"1" , "method":"tools\/call","jsonrpc":"2.0"} )");
  const auto message = Parse(parser, text);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->kind, Kind::kRequest);
  EXPECT_EQ(message->id, R"("x\"1")");
  EXPECT_EQ(message->method, "tools/call");
  EXPECT_EQ(message->params, R"({"a": [1, "}"]})");
}

TEST(MessageTest, TellsTheKindsApart) {
  const auto kind = [](const std::string& json) {
    Parser parser;
    Text text(json);
    return Parse(parser, text).value().kind;
  };
  EXPECT_EQ(kind(R"({"jsonrpc":"2.0","id":1,"method":"ping"})"), Kind::kRequest);
  EXPECT_EQ(kind(R"({"jsonrpc":"2.0","method":"notifications/initialized"})"), Kind::kNotification);
  EXPECT_EQ(kind(R"({"jsonrpc":"2.0","id":1,"result":{}})"), Kind::kResult);
  EXPECT_EQ(kind(R"({"jsonrpc":"2.0","id":null,"error":{"code":1,"message":"m"}})"), Kind::kError);
}

TEST(MessageTest, IdsKeepTheirTextBeyond2To53) {
  Parser parser;
  Text text(R"({"jsonrpc":"2.0","id":123456789012345678901234567890,"method":"ping"})");
  EXPECT_EQ(Parse(parser, text).value().id, "123456789012345678901234567890");
}

TEST(MessageTest, RefusesWhatIsNotJson) {
  for (const char* json :
       {"", " ", "{", R"({"jsonrpc":"2.0")", R"({"jsonrpc":"2.0","id":1,"method":"a"} x)",
        R"({"jsonrpc":"2.0","id":1,"method":"a"}{})", R"({"jsonrpc":"2.0","id":1,"method":"a)",
        "\xff\xfe", R"({"jsonrpc":"2.0" "id":1})"}) {
    EXPECT_EQ(ReasonOf(json), Reason::kInvalidJson) << json;
  }
}

TEST(MessageTest, RefusesWhatIsNotJsonRpc) {
  for (const char* json :
       {"[]", R"([{"jsonrpc":"2.0","id":1,"method":"a"}])", "1", R"("a")", "null", "{}",
        R"({"id":1,"method":"a"})", R"({"jsonrpc":"1.0","id":1,"method":"a"})",
        R"({"jsonrpc":2.0,"id":1,"method":"a"})", R"({"jsonrpc":"2.0","id":null,"method":"a"})",
        R"({"jsonrpc":"2.0","id":1.5,"method":"a"})", R"({"jsonrpc":"2.0","id":{},"method":"a"})",
        R"({"jsonrpc":"2.0","id":true,"method":"a"})", R"({"jsonrpc":"2.0","id":1,"method":7})",
        R"({"jsonrpc":"2.0","id":1,"method":""})", R"({"jsonrpc":"2.0","id":1})",
        R"({"jsonrpc":"2.0","id":1,"method":"a","params":[1]})",
        R"({"jsonrpc":"2.0","id":1,"result":1,"error":{}})"}) {
    EXPECT_EQ(ReasonOf(json), Reason::kInvalidRequest) << json;
  }
}

TEST(MessageTest, RefusesAMemberTwiceHoweverItIsSpelled) {
  EXPECT_EQ(ReasonOf(R"({"jsonrpc":"2.0","id":1,"id":2,"method":"a"})"), Reason::kInvalidRequest);
  EXPECT_EQ(ReasonOf(R"({"jsonrpc":"2.0","id":1,"method":"a","m\u0065thod":"b"})"),
            Reason::kInvalidRequest);
}

TEST(MessageTest, NamesTheIdOfARequestItRefuses) {
  Parser parser;
  Text text(R"({"id":7,"method":"a"})");
  std::string_view id;
  EXPECT_FALSE(Parse(parser, text, &id));
  EXPECT_EQ(id, "7");
}

TEST(MessageTest, TheResultIsReachedWithoutParsingAgain) {
  Parser parser;
  Text text(R"({"jsonrpc":"2.0","result":{"n":42},"id":1})");
  auto message = Parse(parser, text);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->result, R"({"n":42})");
  std::int64_t n = 0;
  ASSERT_FALSE(ResultValue(*message)["n"].get_int64().get(n));
  EXPECT_EQ(n, 42);
}

TEST(MessageTest, ErrorsCarryTheirReasonAndFacts) {
  const Error error{
      .reason = Reason::kToolNotFound, .message = "no \"x\"\n", .metadata = {{"tool", "x"}}};
  EXPECT_EQ(ErrorMessage("1", error),
            R"({"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"no \"x\"\n",)"
            R"("data":{"reason":"TOOL_NOT_FOUND","tool":"x"}}})");
  EXPECT_EQ(ErrorMessage("", error).find("\"id\""), std::string::npos);
  const Error raw{.reason = Reason::kToolNotFound,
                  .message = "m",
                  .metadata = {{"a", "[]"}},
                  .raw_data = {{"list", R"(["x"])"}, {"b", "{}"}}};
  EXPECT_EQ(ErrorMessage("1", raw),
            R"({"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"m",)"
            R"("data":{"reason":"TOOL_NOT_FOUND","a":"[]","list":["x"],"b":{}}}})");
}

TEST(MessageTest, ReadsAServersError) {
  const Error error = UpstreamErrorOf(R"({"code":-32602,"message":"bad","data":{"k":[1]}})");
  EXPECT_EQ(error.reason, Reason::kUpstreamError);
  EXPECT_EQ(error.upstream->code, -32602);
  EXPECT_EQ(error.message, "bad");
  EXPECT_EQ(error.upstream->data, R"({"k":[1]})");
  EXPECT_EQ(UpstreamErrorOf("7").upstream->code, 0);
}

TEST(MessageTest, NumbersOfAnySizeAreJson) {
  for (const char* good : {"0", "-0", "1.5", "1e400", "-12E+3", "123456789012345678901234567890"}) {
    EXPECT_TRUE(IsJsonNumber(good)) << good;
  }
  for (const char* bad : {"", "-", "01", "1.", ".5", "1e", "0x1", "NaN", "1 2"}) {
    EXPECT_FALSE(IsJsonNumber(bad)) << bad;
  }
}

}  // namespace
}  // namespace mcpbridge::jsonrpc

#include "server/protojson/struct_json.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

namespace mcpbridge {
namespace {

using google::protobuf::ListValue;
using google::protobuf::Struct;
using google::protobuf::Value;

Value Number(double number) {
  Value value;
  value.set_number_value(number);
  return value;
}

Struct With(const std::string& name, const Value& value) {
  Struct out;
  (*out.mutable_fields())[name] = value;
  return out;
}

std::string NumberText(double number) {
  const Result<std::string> json = StructToJson(With("n", Number(number)));
  return json ? json->substr(5, json->size() - 6) : InfoOf(json.error().reason).name.data();
}

FromJson Parse(const std::string& json, int depth, Value& out) {
  simdjson::ondemand::parser parser;
  const simdjson::padded_string text("{\"v\":" + json + "}");
  simdjson::ondemand::document document;
  if (parser.iterate(text).get(document)) return FromJson::kMalformed;
  simdjson::ondemand::value value;
  if (document.find_field("v").get(value)) return FromJson::kMalformed;
  return JsonToValue(value, depth, out);
}

TEST(StructJsonTest, WholeNumbersAreIntegersAsLongAsTheyAreExact) {
  EXPECT_EQ(NumberText(0), "0");
  EXPECT_EQ(NumberText(5), "5");
  EXPECT_EQ(NumberText(-17), "-17");
  EXPECT_EQ(NumberText(9007199254740992.0), "9007199254740992");
  EXPECT_EQ(NumberText(-9007199254740992.0), "-9007199254740992");
  EXPECT_EQ(NumberText(1e300), "1e+300");
}

TEST(StructJsonTest, OtherNumbersComeBackTheSame) {
  EXPECT_EQ(NumberText(0.1), "0.1");
  EXPECT_EQ(NumberText(-2.5), "-2.5");
  for (const double number : {1.0 / 3, 5e-324, 1.7976931348623157e308, 9007199254740994.0, -0.0}) {
    Value back;
    ASSERT_EQ(Parse(NumberText(number), 10, back), FromJson::kDone);
    EXPECT_EQ(back.number_value(), number);
    EXPECT_EQ(std::signbit(back.number_value()), std::signbit(number));
  }
}

TEST(StructJsonTest, WhatJsonCannotSayIsRefused) {
  EXPECT_EQ(NumberText(std::nan("")), "INVALID_ARGUMENTS");
  EXPECT_EQ(NumberText(std::numeric_limits<double>::infinity()), "INVALID_ARGUMENTS");
  Value list;
  *list.mutable_list_value()->add_values() = Number(std::nan(""));
  EXPECT_FALSE(StructToJson(With("deep", list)).has_value());
}

TEST(StructJsonTest, EveryKindOfValue) {
  EXPECT_EQ(StructToJson(Struct()).value(), "{}");
  Value value;
  EXPECT_EQ(StructToJson(With("a", value)).value(), R"({"a":null})");
  value.set_null_value(google::protobuf::NULL_VALUE);
  EXPECT_EQ(StructToJson(With("a", value)).value(), R"({"a":null})");
  value.set_bool_value(true);
  EXPECT_EQ(StructToJson(With("a", value)).value(), R"({"a":true})");
  value.set_string_value("q\"\\\n\x01 \xc3\xa9");
  EXPECT_EQ(StructToJson(With("k\"", value)).value(),
            "{\"k\\\"\":\"q\\\"\\\\\\n\\u0001 \xc3\xa9\"}");
  value.mutable_struct_value();
  EXPECT_EQ(StructToJson(With("a", value)).value(), R"({"a":{}})");
  value.mutable_list_value();
  EXPECT_EQ(StructToJson(With("a", value)).value(), R"({"a":[]})");
  *value.mutable_list_value()->add_values() = Number(1);
  *value.mutable_list_value()->add_values() = Number(2);
  EXPECT_EQ(StructToJson(With("a", value)).value(), R"({"a":[1,2]})");
}

TEST(StructJsonTest, MembersStandInTheOrderOfTheirNames) {
  Struct many;
  for (const char* name : {"c", "a", "d", "b"}) (*many.mutable_fields())[name] = Number(1);
  EXPECT_EQ(StructToJson(many).value(), R"({"a":1,"b":1,"c":1,"d":1})");
}

TEST(StructJsonTest, IntegersThatADoubleCannotHoldCanBeRefused) {
  const auto exactly = [](const std::string& number) {
    Struct out;
    return TextToStruct(R"({"a":[{"n":)" + number + "}]}", out, Integers::kExact);
  };
  for (const char* fine : {"0", "-5", "9007199254740992", "9007199254740994", "1e300", "0.1",
                           "9007199254740993.0", "-0"}) {
    EXPECT_EQ(exactly(fine), FromJson::kDone) << fine;
  }
  for (const char* lost : {"9007199254740993", "-9007199254740993", "9223372036854775807",
                           "12345678901234567890", "123456789012345678901234567890"}) {
    EXPECT_EQ(exactly(lost), FromJson::kInexact) << lost;
  }
}

TEST(StructJsonTest, JsonBecomesAValue) {
  Value value;
  ASSERT_EQ(Parse(R"({"s":"\u00e9","n":-1.5e2,"t":true,"f":false,"z":null,"l":[1,{}],"s2":"\/"})",
                  10, value),
            FromJson::kDone);
  const auto& fields = value.struct_value().fields();
  EXPECT_EQ(fields.at("s").string_value(), "\xc3\xa9");
  EXPECT_EQ(fields.at("s2").string_value(), "/");
  EXPECT_EQ(fields.at("n").number_value(), -150);
  EXPECT_TRUE(fields.at("t").bool_value());
  EXPECT_EQ(fields.at("f").kind_case(), Value::kBoolValue);
  EXPECT_EQ(fields.at("z").kind_case(), Value::kNullValue);
  EXPECT_EQ(fields.at("l").list_value().values_size(), 2);
}

TEST(StructJsonTest, LargeIntegersBecomeTheNearestDouble) {
  Value value;
  ASSERT_EQ(Parse("123456789012345678901234567890", 10, value), FromJson::kDone);
  EXPECT_EQ(value.number_value(), 123456789012345678901234567890.0);
}

TEST(StructJsonTest, ARepeatedMemberCountsOnce) {
  Value value;
  ASSERT_EQ(Parse(R"({"a":{"x":1},"a":{"y":2}})", 10, value), FromJson::kDone);
  const auto& fields = value.struct_value().fields().at("a").struct_value().fields();
  EXPECT_EQ(fields.count("x"), 0u);
  EXPECT_EQ(fields.count("y"), 1u);
}

TEST(StructJsonTest, MalformedJsonIsSeen) {
  for (const char* bad :
       {"nope", "tru", "01", "1e999", "\"\\x\"", "[1,]", "{\"a\"}", "[1 2]", "-"}) {
    Value value;
    EXPECT_EQ(Parse(bad, 10, value), FromJson::kMalformed) << bad;
  }
}

// The limit must be protobuf's own: what we let through its reader takes, and one level more it
// doesn't.
TEST(StructJsonTest, NestingEndsWhereProtobufReadersEnd) {
  const auto nested = [](int levels, const std::string& open, const std::string& close) {
    std::string json;
    for (int i = 0; i < levels; ++i) json += open;
    json += "1";
    for (int i = 0; i < levels; ++i) json += close;
    return json;
  };
  for (const auto& [open, close] : {std::pair("[", "]"), std::pair("{\"a\":", "}")}) {
    int deepest = 0;
    for (int levels = 1; levels < 120; ++levels) {
      const std::string json = nested(levels, open, close);
      Value bounded;
      const FromJson done = Parse(json, kProtobufDepthLimit - 2, bounded);
      Value outer;  // holds the whole value two levels down, as a response may
      ASSERT_EQ(Parse(json, 10'000, *outer.mutable_list_value()->add_values()), FromJson::kDone);
      Value back;
      EXPECT_EQ(done == FromJson::kDone, back.ParseFromString(outer.SerializeAsString())) << levels;
      if (done == FromJson::kDone) deepest = levels;
    }
    EXPECT_GT(deepest, 30);
    EXPECT_LT(deepest, 60);
  }
}

}  // namespace
}  // namespace mcpbridge

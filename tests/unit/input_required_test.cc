#include "server/mcp/input_required.h"

#include <gtest/gtest.h>

#include "server/mcp/call_params.h"

namespace mcpbridge {
namespace {

TEST(InputRequiredTest, AnAnswerAsksForNothing) {
  for (const char* result : {"{}", R"({"content":[]})", R"({"resultType":"complete","x":1})"}) {
    const auto required = ReadInputRequired(result);
    ASSERT_TRUE(required) << result;
    EXPECT_FALSE(required->has_value()) << result;
  }
}

TEST(InputRequiredTest, QuestionsAndStateAreRead) {
  const auto required = ReadInputRequired(
      R"({"resultType":"input_required","requestState":"a\u0062","inputRequests":{"k\"1":{"method":"elicitation/create","params":{"n":1e400}},"r":{"method":"roots/list"}}})");
  ASSERT_TRUE(required && *required);
  const InputRequired& what = **required;
  EXPECT_EQ(what.state, R"("a\u0062")") << "it goes back byte for byte";
  ASSERT_EQ(what.requests.size(), 2u);
  EXPECT_EQ(what.requests[0].key, "k\"1");
  EXPECT_EQ(what.requests[0].method, "elicitation/create");
  EXPECT_EQ(what.requests[0].params, R"({"n":1e400})");
  EXPECT_EQ(what.requests[1].params, "");
  const auto again = ReadInputRequired(InputRequiredResult(what));
  ASSERT_TRUE(again && *again);
  EXPECT_EQ((*again)->state, what.state);
  EXPECT_EQ((*again)->requests[0].key, what.requests[0].key);
}

TEST(InputRequiredTest, WhatAsksForNothingKnownIsAFault) {
  for (
      const char* result :
      {"[]", R"({"resultType":"task","taskId":"1"})", R"({"resultType":"input_required"})",
       R"({"resultType":"input_required","requestState":7})",
       R"({"resultType":"input_required","inputRequests":[]})",
       R"({"resultType":"input_required","inputRequests":{"a":{"method":"tools/call"}}})",
       R"({"resultType":"input_required","inputRequests":{"a":{"method":"roots/list","params":[]}}})"}) {
    const auto required = ReadInputRequired(result);
    ASSERT_FALSE(required) << result;
    EXPECT_EQ(required.error().reason, Reason::kUpstreamProtocol) << result;
  }
}

TEST(InputResponsesTest, ArePutInAndReadAgain) {
  const std::string params = R"({"name":"t","_meta":{"progressToken":5}})";
  const auto with = WithInputResponses(params, {{"a\"b", R"({"action":"accept"})"}}, R"("s\n")");
  ASSERT_TRUE(with);
  EXPECT_EQ(
      *with,
      R"({"inputResponses":{"a\"b":{"action":"accept"}},"requestState":"s\n","name":"t","_meta":{"progressToken":5}})");
  EXPECT_EQ(ProgressTokenSpan(*with).In(*with), "5");
  const auto read = ReadInputResponses(*with);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->state, "s\n");
  ASSERT_EQ(read->results.size(), 1u);
  EXPECT_EQ(read->results[0].first, "a\"b");
  EXPECT_EQ(read->results[0].second, R"({"action":"accept"})");
  EXPECT_TRUE(ReadInputResponses(params)->empty());
  EXPECT_EQ(*WithInputResponses(*with, {}, ""), params) << "those of the round before go";
  for (const char* bad : {R"({"inputResponses":[]})", R"({"inputResponses":{"a":7}})",
                          R"({"requestState":7})", R"({"inputResponses":{"a":{"x":}}})"}) {
    const auto refused = ReadInputResponses(bad);
    ASSERT_FALSE(refused) << bad;
    EXPECT_EQ(refused.error().reason, Reason::kInvalidArguments) << bad;
  }
}

TEST(LegacyResultTest, LosesWhatOnlyTheModernEraHas) {
  EXPECT_EQ(
      *LegacyResult(
          R"({"resultType":"complete","content":[ 1.0 ],"ttlMs":0,"cacheScope":"private","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"s"}}})"),
      R"({"content":[ 1.0 ]})");
  EXPECT_EQ(
      *LegacyResult(
          R"({"_meta":{"io.modelcontextprotocol/serverInfo":{},"x/y":1},"resultType":"complete"})"),
      R"({"_meta":{"x/y":1}})");
  EXPECT_EQ(*LegacyResult(R"({"a":1})"), R"({"a":1})");
  EXPECT_FALSE(LegacyResult("[]"));
}

TEST(AskableTest, IsWhatAServerMayAskBy) {
  EXPECT_EQ(AskableCapabilities("{}"), "");
  EXPECT_EQ(AskableCapabilities(R"({"extensions":{"x":{}},"tasks":{}})"), "");
  const std::string askable = AskableCapabilities(
      R"({"sampling":{"tools":{}},"extensions":{},"roots":{"listChanged":true},"elicitation":{"url":{}}})");
  EXPECT_EQ(askable, R"({"elicitation":{"url":{}},"roots":{},"sampling":{"tools":{}}})");
  const ClientProfile profile = AskableProfile(askable);
  EXPECT_TRUE(profile.CanAnswer("elicitation/create"));
  EXPECT_TRUE(profile.CanAnswer("roots/list"));
  EXPECT_FALSE(AskableProfile(R"({"roots":{}})").CanAnswer("sampling/createMessage"));
}

}  // namespace
}  // namespace mcpbridge

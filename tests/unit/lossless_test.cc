// Of what passes through, nothing is lost and nothing respelled: with JSON at random.

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "server/mcp/call_params.h"
#include "server/mcp/input_required.h"
#include "server/mcp/json_members.h"
#include "server/mcp/modern_meta.h"
#include "tests/fakes/random_json.h"

namespace mcpbridge {
namespace {

constexpr unsigned kLosslessRuns = 1000;

// Each run has a seed of its own, which a failure shows.
template <class F>
void WithSeeds(F test) {
  for (unsigned seed = 1; seed <= kLosslessRuns && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    RandomJson json(seed);
    test(json);
  }
}

// `_meta` with a progress token, or without, and whatever else.
std::string RandomMeta(RandomJson& json, const std::string& token) {
  RandomJson::Members members = json.UnknownMembers(4, 3, /*outermost=*/true);
  if (!token.empty()) json.Add(members, R"("progressToken")", token);
  if (members.empty()) json.Add(members, R"("k")", json.Value());
  return json.Written(members);
}

// `text` with `from`, which is there once, as `to`.
std::string Put(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos);
  EXPECT_EQ(text.find(from, at + 1), std::string::npos) << "the test's own fault";
  return text.replace(at, from.size(), to);
}

TEST(LosslessTest, OnlyTheNameAndTheTokenOfACallChange) {
  WithSeeds([](RandomJson& json) {
    const std::string name(json.OneOf({R"("the-tool")", R"("the-to\u006fl")"}));
    const std::string token(json.OneOf({R"("the-token")", "424242424242424242424242", "-7.70e77"}));
    const std::string arguments = json.OneIn(8) ? R"({"d":)" + json.Deep(110) + "}" : json.Object();
    RandomJson::Members members = json.UnknownMembers(4, 4, /*outermost=*/true);
    json.Add(members, std::string(json.OneOf({R"("name")", R"("n\u0061me")"})), name);
    json.Add(members, R"("arguments")", arguments);
    json.Add(members, R"("_meta")", RandomMeta(json, token));
    const std::string raw = json.Written(members);

    Result<CallParams> params = ReadCallParams(CallMethod::kCallTool, raw);
    ASSERT_TRUE(params) << params.error().message << raw;
    EXPECT_EQ(params->raw, raw);
    EXPECT_EQ(params->key, "the-tool");
    EXPECT_EQ(params->key_span.In(raw), name);
    EXPECT_EQ(params->token_span.In(raw), token);

    params->Rename("another \"name\"");
    const std::string renamed = Put(raw, name, R"("another \"name\"")");
    EXPECT_EQ(params->raw, renamed);
    ASSERT_EQ(params->token_span.In(params->raw), token) << "it is still found";
    params->raw.replace(params->token_span.begin, params->token_span.size, "17");
    EXPECT_EQ(params->raw, Put(renamed, token, "17"));
    EXPECT_EQ(JsonMembers::Read(params->raw)->Get("arguments"), arguments);
  });
}

TEST(LosslessTest, ParamsGoToTheOtherEraAndBack) {
  const RequestMeta meta{.protocol_version = "2026-07-28",
                         .client_info = R"({ "name":"n\u00e9" })",
                         .client_capabilities = R"({"elicitation":{"url":{ }},"x":1e400})",
                         .log_level = "info"};
  WithSeeds([&meta](RandomJson& json) {
    RandomJson::Members members = json.UnknownMembers(5, 4, /*outermost=*/true);
    json.Add(members, R"("arguments")", json.Object());
    json.Add(members, R"("_meta")", RandomMeta(json, json.OneIn(2) ? "1e400" : ""));
    const std::string raw = json.Written(members);
    const Result<std::string> modern = WithRequestMeta(raw, meta);
    ASSERT_TRUE(modern) << raw;
    const std::string inner(JsonMembers::Read(*modern)->Get("_meta").value());
    EXPECT_EQ(JsonMembers::Read(inner)->Get(kMetaCapabilities), meta.client_capabilities);
    EXPECT_EQ(JsonMembers::Read(inner)->Get(kMetaClientInfo), meta.client_info);
    const Result<std::string> legacy = WithoutRequestMeta(*modern);
    ASSERT_TRUE(legacy) << *modern;
    EXPECT_EQ(RandomJson::Compact(*legacy), RandomJson::Compact(raw)) << raw;
  });
}

TEST(LosslessTest, ResultsGoToTheOtherEraAndBack) {
  const ResultDefaults defaults{.server_info = R"({"name":"s","version":"1"})", .ttl_ms = 5};
  WithSeeds([&defaults](RandomJson& json) {
    RandomJson::Members members = json.UnknownMembers(5, 4, /*outermost=*/true);
    json.Add(members, R"("content")", json.Array());
    json.Add(members, R"("structuredContent")", json.Object());
    if (json.OneIn(2)) json.Add(members, R"("_meta")", RandomMeta(json, ""));
    const std::string raw = json.Written(members);
    for (const char* method : {"tools/call", "tools/list"}) {
      const Result<std::string> modern = WithResultDefaults(method, raw, defaults);
      ASSERT_TRUE(modern) << raw;
      EXPECT_EQ(JsonMembers::Read(*modern)->Get("resultType"), R"("complete")");
      const Result<std::string> legacy = LegacyResult(*modern);
      ASSERT_TRUE(legacy) << *modern;
      EXPECT_EQ(RandomJson::Compact(*legacy), RandomJson::Compact(raw)) << raw;
    }
  });
}

TEST(LosslessTest, AModernResultLosesOnlyWhatItsEraHas) {
  WithSeeds([](RandomJson& json) {
    RandomJson::Members members = json.UnknownMembers(5, 4, /*outermost=*/true);
    json.Add(members, R"("content")", json.Array());
    const std::string wanted = json.Written(members);
    json.Add(members, R"("resultType")", R"("complete")");
    if (json.OneIn(2)) json.Add(members, R"("ttlMs")", "1");
    if (json.OneIn(2)) json.Add(members, R"("cacheScope")", R"("public")");
    if (json.OneIn(2)) {
      json.Add(members, R"("_meta")", R"({ "io.modelcontextprotocol/serverInfo" : {} })");
    }
    const std::string raw = json.Written(members);
    const Result<std::string> legacy = LegacyResult(raw);
    ASSERT_TRUE(legacy) << raw;
    EXPECT_EQ(RandomJson::Compact(*legacy), RandomJson::Compact(wanted)) << raw;
  });
}

TEST(LosslessTest, QuestionsAndAnswersPassBetweenTheEras) {
  WithSeeds([](RandomJson& json) {
    InputRequired asked{.requests = {}, .state = json.String()};
    std::vector<std::pair<std::string, std::string>> answers;
    for (const char* key : {"", "k\"\n", "\xc3\xa9"}) {
      asked.requests.push_back(
          {.key = key, .method = "elicitation/create", .params = json.Object()});
      answers.emplace_back(key, json.Object());
    }
    const auto read = ReadInputRequired(InputRequiredResult(asked));
    ASSERT_TRUE(read && *read);
    EXPECT_EQ((*read)->state, asked.state);
    ASSERT_EQ((*read)->requests.size(), asked.requests.size());
    for (std::size_t i = 0; i < asked.requests.size(); ++i) {
      EXPECT_EQ((*read)->requests[i].key, asked.requests[i].key);
      EXPECT_EQ((*read)->requests[i].params, asked.requests[i].params);
    }

    RandomJson::Members members = json.UnknownMembers(5, 4, /*outermost=*/true);
    json.Add(members, R"("arguments")", json.Object());
    const std::string bare = RandomJson::Compact(json.Written(members));
    json.Add(members, R"("inputResponses")", R"({"old":{}})");
    const auto params = WithInputResponses(json.Written(members), answers, asked.state);
    ASSERT_TRUE(params);
    const auto responses = ReadInputResponses(*params);
    ASSERT_TRUE(responses) << responses.error().message << *params;
    EXPECT_EQ(responses->results, answers);
    EXPECT_TRUE(RandomJson::Compact(*params).ends_with(bare.substr(1))) << *params;
  });
}

}  // namespace
}  // namespace mcpbridge

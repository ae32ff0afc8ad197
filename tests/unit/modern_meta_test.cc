#include "server/mcp/modern_meta.h"
#include "server/mcp/initialize.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "server/mcp/json_members.h"
#include "server/mcp/subscriptions.h"

namespace mcpbridge {
namespace {

TEST(JsonMembersTest, ReplacesInPlaceAndAddsInFront) {
  auto object =
      JsonMembers::Read(" { \"a\" : 1 ,\t\"b\\u0062\":[ 1, 2 ] , \"c\":{\"a\":1e400}\n} ");
  ASSERT_TRUE(object);
  EXPECT_EQ(object->Get("a"), "1");
  EXPECT_EQ(object->Get("bb"), "[ 1, 2 ]");
  EXPECT_EQ(object->Get("c"), R"({"a":1e400})");
  EXPECT_EQ(object->Get("d"), std::nullopt);
  object->Set("bb", "null");
  object->Set("a", "\"longer\"");
  object->Set("d", "7");
  object->Set("c", "{}");
  EXPECT_EQ(object->text(), " {\"d\":7, \"a\" : \"longer\" ,\t\"b\\u0062\":null , \"c\":{}\n} ");
  EXPECT_EQ(object->Get("bb"), "null");
  EXPECT_EQ(object->Get("d"), "7");
  EXPECT_EQ(object->Get("c"), "{}");
}

TEST(JsonMembersTest, AddsToAnEmptyObject) {
  auto object = JsonMembers::Read("{ }");
  ASSERT_TRUE(object);
  object->Set("a", "1");
  object->Set("b", "2");
  EXPECT_EQ(object->text(), R"({"b":2,"a":1 })");
}

TEST(JsonMembersTest, WhateverCanBeReadCanBeReadAfterAChange) {
  const std::string good = R"({ "a":[1,"]"] , "b\u0041" : {"x":"}\""},"c":-1e5 ,"d":null})";
  int read = 0;
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (const char wrong : {'"', '\\', '{', '}', '[', ']', ',', ':', '7', ' ', '\0', '\xff'}) {
      std::string text = good;
      text[at] = wrong;
      auto object = JsonMembers::Read(text);
      if (!object) continue;
      ++read;
      EXPECT_EQ(object->text(), text);
      object->Set("c", "true");
      object->Set("new", "[]");
      object->Remove({"a", "d"});
      EXPECT_TRUE(JsonMembers::Read(object->text())) << text << " " << object->text();
      EXPECT_EQ(object->Get("c"), "true");
      EXPECT_EQ(object->Get("a"), std::nullopt);
    }
  }
  EXPECT_GT(read, 10);
}

struct RemoveCase {
  const char* text;
  const char* left;
};

TEST(JsonMembersTest, RemovesEachWithOneComma) {
  // x and y go.
  for (const RemoveCase& one : {
           RemoveCase{R"({})", R"({})"},
           RemoveCase{R"({"x":1})", R"({})"},
           RemoveCase{R"({ "x":1 , "y":2 })", R"({  })"},
           RemoveCase{R"({"x":1,"a":2})", R"({"a":2})"},
           RemoveCase{R"({"a":2 , "x":1 })", R"({"a":2 })"},
           RemoveCase{R"({"x":[1,2],"y":{},"a":2,"x2":3})", R"({"a":2,"x2":3})"},
           RemoveCase{R"({"a":2,"x":1,"y":3})", R"({"a":2})"},
           RemoveCase{R"({"a":2, "x":1, "b":3, "y":4})", R"({"a":2, "b":3})"},
           RemoveCase{R"({"x":1, "a":"}\"" ,"y":3 , "b":4})", R"({"a":"}\"" ,"b":4})"},
           RemoveCase{R"({"\u0078":1,"a":2})", R"({"a":2})"},
       }) {
    auto object = JsonMembers::Read(one.text);
    ASSERT_TRUE(object) << one.text;
    object->Remove({"x", "y"});
    EXPECT_EQ(object->text(), one.left) << one.text;
    EXPECT_EQ(object->Get("x"), std::nullopt);
    object->Set("n", "0");
    EXPECT_TRUE(JsonMembers::Read(object->text())) << object->text();
  }
}

TEST(JsonMembersTest, RefusesWhatIsNoObjectOrTwoReadersCouldDisagreeAbout) {
  for (const std::string& text :
       {std::string(), std::string("[]"), std::string("7"), std::string("\"a\""),
        std::string("null"), std::string("{"), std::string("{}{}"), std::string("{} x"),
        std::string(R"({"a":1,"a":2})"), std::string(R"({"a":1,"\u0061":2})"),
        std::string(R"({"a"})"), std::string(R"({"a":1,})"), std::string("{\"a\":\"\xff\"}"),
        std::string(100'000, '{'), std::string(R"({"\q":1})")}) {
    EXPECT_FALSE(JsonMembers::Read(text)) << text.substr(0, 40);
  }
}

TEST(RequestMetaTest, IsMergedAndNothingElseIsTouched) {
  const RequestMeta meta{.protocol_version = "2026-07-28",
                         .client_info = R"({"name":"c"})",
                         .client_capabilities = R"({"sampling":{}})",
                         .log_level = "info"};
  const std::string all = R"("io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
                          R"("io.modelcontextprotocol/clientInfo":{"name":"c"},)"
                          R"("io.modelcontextprotocol/clientCapabilities":{"sampling":{}},)"
                          R"("io.modelcontextprotocol/logLevel":"info")";
  EXPECT_EQ(*WithRequestMeta("", meta), R"({"_meta":{)" + all + "}}");
  EXPECT_EQ(
      *WithRequestMeta(R"({ "name" : "t","arguments":{"n":9007199254740993, "_meta":1}})", meta),
      R"({"_meta":{)" + all + R"(}, "name" : "t","arguments":{"n":9007199254740993, "_meta":1}})");
  EXPECT_EQ(
      *WithRequestMeta(R"({"name":"t", "_meta" : { "progressToken":1.0, "x/y":"\u00e9" } })", meta),
      R"({"name":"t", "_meta" : {)" + all + R"(, "progressToken":1.0, "x/y":"\u00e9" } })");
}

TEST(RequestMetaTest, ReplacesWhatIsThereAndLeavesWhatIsNotSaid) {
  const RequestMeta meta{.protocol_version = "2026-07-28"};
  EXPECT_EQ(
      *WithRequestMeta(
          R"({"_meta":{"a":1,"io.modelcontextprotocol/protocolVersion": "1999" ,"io.modelcontextprotocol/logLevel":"debug"}})",
          meta),
      R"({"_meta":{"a":1,"io.modelcontextprotocol/protocolVersion": "2026-07-28" ,"io.modelcontextprotocol/logLevel":"debug"}})");
}

TEST(RequestMetaTest, IsTakenOutForALegacyServer) {
  EXPECT_EQ(
      *WithoutRequestMeta(
          R"({"name":"t","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28", "progressToken" : "p" ,"io.modelcontextprotocol/clientInfo":{},"traceparent":"00-a", "io.modelcontextprotocol/clientCapabilities":{"a":[1,2]},"io.modelcontextprotocol/logLevel":"info"},"x":1})"),
      R"({"name":"t","_meta":{"progressToken" : "p" ,"traceparent":"00-a"},"x":1})");
  for (const char* same : {"{}", R"({"name":"t"})", R"({"_meta":{}})", R"({ "_meta":{"a":1} })"}) {
    EXPECT_EQ(*WithoutRequestMeta(same), same);
  }
  const RequestMeta meta{.protocol_version = "v", .client_capabilities = "{}", .log_level = "info"};
  const std::string before = R"({"a":[1, 2],"_meta":{"progressToken":7}})";
  EXPECT_EQ(*WithoutRequestMeta(*WithRequestMeta(before, meta)), before);
}

TEST(RequestMetaTest, RefusesParamsThatAreNoObject) {
  for (const char* params : {"[]", "7", R"({"_meta":7})", R"({"_meta":null})", R"({"_meta":[]})",
                             R"({"_meta":{},"_meta":{}})", R"({"_meta":{"a":1,"a":2}})", "{"}) {
    const auto with = WithRequestMeta(params, {.protocol_version = "v"});
    ASSERT_FALSE(with) << params;
    EXPECT_EQ(with.error().reason, Reason::kInvalidArguments) << params;
    EXPECT_FALSE(WithoutRequestMeta(params)) << params;
  }
}

TEST(ResultDefaultsTest, AreAddedWhereTheyAreMissing) {
  const std::string info = R"({"name":"s \"1\"","version":"2.0"})";
  const ResultDefaults defaults{.server_info = info, .ttl_ms = 5000, .is_public = true};
  const std::string meta = R"("io.modelcontextprotocol/serverInfo":)" + info;
  EXPECT_EQ(*WithResultDefaults("tools/call", R"({"content":[], "x":1e400})", defaults),
            R"({"resultType":"complete","_meta":{)" + meta + R"(},"content":[], "x":1e400})");
  EXPECT_EQ(*WithResultDefaults("tools/list", R"({"tools":[ ]})", defaults),
            R"({"ttlMs":5000,"cacheScope":"public","resultType":"complete","_meta":{)" + meta +
                R"(},"tools":[ ]})");
  EXPECT_EQ(*WithResultDefaults("resources/read", R"({ })", {}),
            R"({"ttlMs":0,"cacheScope":"private","resultType":"complete" })");
  EXPECT_EQ(*WithResultDefaults("completion/complete", R"({"_meta":{"a":1}})", defaults),
            R"({"resultType":"complete","_meta":{)" + meta + R"(,"a":1}})");
}

TEST(ResultDefaultsTest, LeaveWhatIsThere) {
  const ResultDefaults defaults{.server_info = R"({"name":"b"})", .ttl_ms = 1};
  const std::string whole =
      R"({"resultType":"complete","ttlMs":7,"cacheScope":"public","_meta":{"io.modelcontextprotocol/serverInfo":{}}})";
  EXPECT_EQ(*WithResultDefaults("tools/list", whole, defaults), whole);
  const std::string asks =
      R"({"resultType":"input_required","requestState":"x","_meta":{"io.modelcontextprotocol/serverInfo":{}}})";
  EXPECT_EQ(*WithResultDefaults("resources/read", asks, defaults), asks);
  for (const char* result : {"[]", "null", "7", R"({"a":1,"a":2})", R"({"_meta":1})", "{"}) {
    const auto decorated = WithResultDefaults("tools/list", result, defaults);
    ASSERT_FALSE(decorated) << result;
    EXPECT_EQ(decorated.error().reason, Reason::kUpstreamProtocol);
  }
}

TEST(ResultDefaultsTest, LargeResultsStayAsTheyAre) {
  const std::string text(5'000'000, 'x');
  const std::string result = R"({"content":[{"type":"text","text":")" + text + R"("}]})";
  EXPECT_EQ(*WithResultDefaults("tools/call", result, {}),
            R"({"resultType":"complete",)" + result.substr(1));
}

TEST(DiscoverTest, SaysWhatTheServerIs) {
  EXPECT_EQ(
      DiscoverResult(R"({"tools":{}})", R"("Use \"it\".")", 60000),
      R"({"resultType":"complete",)"
      R"("supportedVersions":["2026-07-28","2025-11-25","2025-06-18","2025-03-26","2024-11-05"],)"
      R"("capabilities":{"tools":{}},"instructions":"Use \"it\".","ttlMs":60000,)"
      R"("cacheScope":"private","_meta":{"io.modelcontextprotocol/serverInfo":)" +
          BridgeInfo() + "}}");
  EXPECT_EQ(DiscoverResult("{}", "", 0).find("instructions"), std::string::npos);
}

TEST(SubscriptionsTest, WhatIsAskedForIsReadAndSaid) {
  const Result<ListenFor> some = ReadListenFor(
      R"({"notifications":{"toolsListChanged":true,"promptsListChanged":false,"taskIds":["t"],"resourceSubscriptions":["a:\u0031","b","a:1"]}})");
  ASSERT_TRUE(some);
  EXPECT_TRUE(some->tools);
  EXPECT_FALSE(some->prompts || some->resources);
  EXPECT_EQ(some->uris, (std::vector<std::string>{"a:1", "b"}));
  EXPECT_EQ(ListenNotifications(*some),
            R"({"toolsListChanged":true,"resourceSubscriptions":["a:1","b"]})");
  EXPECT_TRUE(ReadListenFor(R"({"notifications":{}})")->empty());
  std::string many = "\"u0\"";
  for (std::size_t i = 1; i <= kMaxWatchedUris; ++i) many += ",\"u" + std::to_string(i) + "\"";
  for (const std::string& wrong :
       {std::string("{}"), std::string(R"({"notifications":[]})"),
        std::string(R"({"notifications":{"toolsListChanged":"yes"}})"),
        std::string(R"({"notifications":{"resourceSubscriptions":[7]}})"),
        std::string(R"({"notifications":{"resourceSubscriptions":[""]}})"),
        R"({"notifications":{"resourceSubscriptions":[)" + many + "]}}"}) {
    const Result<ListenFor> refused = ReadListenFor(wrong);
    ASSERT_FALSE(refused) << wrong.substr(0, 80);
    EXPECT_EQ(refused.error().reason, Reason::kInvalidArguments);
  }
}

TEST(SubscriptionsTest, AnIdIsPutInAndTakenOut) {
  const std::string tagged = R"({"uri":"u","_meta":{"io.modelcontextprotocol/subscriptionId":7}})";
  EXPECT_EQ(WithoutSubscription(tagged), R"({"uri":"u"})");
  EXPECT_EQ(WithoutSubscription(R"({"uri":"u","_meta":{"x":1}})"),
            R"({"uri":"u","_meta":{"x":1}})");
  EXPECT_EQ(TaggedWith("\"a\"", ""), R"({"_meta":{"io.modelcontextprotocol/subscriptionId":"a"}})");
  EXPECT_EQ(TaggedWith("8", tagged),
            R"({"uri":"u","_meta":{"io.modelcontextprotocol/subscriptionId":8}})");
  EXPECT_EQ(UriOf(R"({"x":{},"uri":"a\/b"})"), "a/b");
  EXPECT_EQ(UriOf("{}"), "");
}

}  // namespace
}  // namespace mcpbridge

#include "server/routing/catalogue.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/unit/catalogue_fixture.h"

namespace mcpbridge {
namespace {

TEST(ListKindTest, EveryListHasItsMethodAndMembers) {
  for (const auto& [kind, method, member, key] :
       {std::tuple(ListKind::kTools, "tools/list", "tools", "name"),
        std::tuple(ListKind::kResources, "resources/list", "resources", "uri"),
        std::tuple(ListKind::kTemplates, "resources/templates/list", "resourceTemplates",
                   "uriTemplate"),
        std::tuple(ListKind::kPrompts, "prompts/list", "prompts", "name")}) {
    EXPECT_EQ(InfoOf(kind).method, method);
    EXPECT_EQ(InfoOf(kind).member, member);
    EXPECT_EQ(InfoOf(kind).key, key);
  }
  EXPECT_TRUE(IsListChanged("notifications/tools/list_changed"));
  EXPECT_TRUE(IsListChanged("notifications/resources/list_changed"));
  EXPECT_TRUE(IsListChanged("notifications/prompts/list_changed"));
  EXPECT_FALSE(IsListChanged("notifications/resources/updated"));
}

TEST(CatalogueTest, KeepsToolsVerbatimButForTheName) {
  const std::string tool =
      R"({"inputSchema":{"$defs":{"a":{"const":9007199254740993}}},"name":"t","x":[1,2]})";
  EntryList list;
  ASSERT_EQ(
      AppendPage(ListKind::kTools, R"({"tools":[ )" + tool + R"( ],"nextCursor":"a\"b"})", list)
          .value(),
      R"("a\"b")");
  EXPECT_EQ(list.entries[0].json, tool);
  EXPECT_EQ(
      list.entries[0].JsonNamed("srv-t"),
      R"({"inputSchema":{"$defs":{"a":{"const":9007199254740993}}},"name":"srv-t","x":[1,2]})");
}

TEST(CatalogueTest, TheOtherListsAreReadAlike) {
  EntryList resources;
  const std::string resource =
      R"({ "size":12345678901234567890123,"uri" : "a:\/\/\u00e9" ,"name":"n","_meta":{"k":null}})";
  ASSERT_TRUE(AppendPage(ListKind::kResources, R"({"resources":[)" + resource + "]}", resources));
  EXPECT_EQ(resources.entries[0].key, "a://\xc3\xa9");
  EXPECT_EQ(resources.entries[0].JsonNamed(resources.entries[0].key), resource) << "escapes stay";

  EntryList templates;
  ASSERT_TRUE(AppendPage(ListKind::kTemplates,
                         R"({"resourceTemplates":[{"uriTemplate":"f:///{p}","name":"n"}]})",
                         templates));
  EXPECT_EQ(templates.entries[0].key, "f:///{p}");

  EntryList prompts;
  ASSERT_TRUE(AppendPage(ListKind::kPrompts,
                         R"({"prompts":[{"arguments":[{"name":"inner"}],"name":"p"}]})", prompts));
  EXPECT_EQ(prompts.entries[0].JsonNamed("s-p"),
            R"({"arguments":[{"name":"inner"}],"name":"s-p"})");
}

TEST(CatalogueTest, PagesAddUpAndTheFirstOfTwoWins) {
  EntryList list;
  ASSERT_TRUE(AppendPage(ListKind::kPrompts, R"({"prompts":[{"name":"b"},{"name":"a"}]})", list));
  ASSERT_TRUE(AppendPage(ListKind::kPrompts, R"({"prompts":[{"name":"a","x":1}]})", list));
  Finish(list);
  ASSERT_EQ(list.entries.size(), 2u);
  EXPECT_EQ(list.entries[0].json, R"({"name":"a"})");
  EXPECT_EQ(list.Find("b"), &list.entries[1]);
  EXPECT_EQ(list.Find("c"), nullptr);
}

TEST(CatalogueTest, RefusesWhatIsNotAListOfItsKind) {
  for (const ListKind kind : kListKinds) {
    const std::string member = "{\"" + std::string(InfoOf(kind).member) + "\":";
    const std::string key = "{\"" + std::string(InfoOf(kind).key) + "\":";
    for (const std::string& bad :
         {std::string("7"), std::string("{}"), std::string(R"({"others":[]})"), member + "7}",
          member + "[7]}", member + "[{}]}", member + "[" + key + "7}]}",
          member + "[" + key + R"(""}]})", member + "[" + key + R"("a","x":nul}]})"}) {
      EntryList list;
      const Result<std::string> cursor = AppendPage(kind, bad, list);
      ASSERT_FALSE(cursor) << bad;
      EXPECT_EQ(cursor.error().reason, Reason::kUpstreamProtocol) << bad;
      EXPECT_NE(cursor.error().message.find(InfoOf(kind).method), std::string::npos);
    }
  }
}

}  // namespace
}  // namespace mcpbridge

// What servers say of their tools reaches callers as it is: with descriptions at random.

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "server/routing/catalogue.h"
#include "tests/fakes/random_json.h"

namespace mcpbridge {
namespace {

constexpr unsigned kCatalogueRuns = 500;

// A JSON Schema in whose keywords order and spelling are anybody's.
std::string RandomSchema(RandomJson& json) {
  RandomJson::Members members = json.UnknownMembers(4, 4, /*outermost=*/true);
  json.Add(members, R"("type")", R"("object")");
  json.Add(members, R"("$schema")", R"("https:\/\/json-schema.org/draft/2020-12/schema")");
  json.Add(members, R"("$defs")", R"({"a":{"const":)" + json.Number() + "}}");
  json.Add(members, R"("properties")",
           R"({"name":{"$ref":"#/$defs/a","default":)" + json.Value() + "}}");
  json.Add(members, R"("x-deep")", json.Deep(static_cast<int>(json.Below(100))));
  return json.Written(members);
}

TEST(CatalogueLosslessTest, EveryEntryIsVerbatimButForItsName) {
  for (unsigned seed = 1; seed <= kCatalogueRuns && !HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    RandomJson json(seed);
    std::vector<std::pair<std::string, std::string>> tools;  // as they are, and with another name
    std::string page = "[" + json.Space();
    for (int i = 0; i < 3; ++i) {
      RandomJson::Members members = json.UnknownMembers(4, 4, /*outermost=*/true);
      json.Add(members, R"("inputSchema")", RandomSchema(json));
      json.Add(members, R"("outputSchema")", RandomSchema(json));
      const std::string number = std::to_string(i);
      const std::string name =
          json.OneIn(2) ? "\"the-tool-" + number + '"' : R"("the\u002dtool-)" + number + '"';
      json.Add(members, std::string(json.OneOf({R"("name")", R"("n\u0061me")"})), name);
      const std::string tool = json.Written(members);
      std::string renamed = tool;
      renamed.replace(renamed.find(name), name.size(), R"("server-\"q\"")");
      tools.emplace_back(tool, renamed);
      if (i > 0) page += "," + json.Space();
      page += tool + json.Space();
    }
    RandomJson::Members result = json.UnknownMembers(3, 4, /*outermost=*/true);
    json.Add(result, R"("tools")", page + "]");
    const std::string cursor = json.OneIn(2) ? "" : R"("c\/\u00e9")";
    if (!cursor.empty()) json.Add(result, R"("nextCursor")", cursor);
    EntryList list;
    const Result<std::string> next = AppendPage(ListKind::kTools, json.Written(result), list);
    ASSERT_TRUE(next) << next.error().message;
    EXPECT_EQ(*next, cursor.empty() ? "" : "\"c/\xc3\xa9\"");
    ASSERT_EQ(list.entries.size(), tools.size());
    for (std::size_t i = 0; i < tools.size(); ++i) {
      EXPECT_EQ(list.entries[i].key, "the-tool-" + std::to_string(i));
      EXPECT_EQ(list.entries[i].json, tools[i].first);
      EXPECT_EQ(list.entries[i].JsonNamed(list.entries[i].key), tools[i].first);
      EXPECT_EQ(list.entries[i].JsonNamed("server-\"q\""), tools[i].second);
    }
  }
}

}  // namespace
}  // namespace mcpbridge

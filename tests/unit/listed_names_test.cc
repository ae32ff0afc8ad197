#include "server/routing/listed_names.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <string>

#include "server/routing/route_table.h"
#include "tests/unit/catalogue_fixture.h"

namespace mcpbridge {
namespace {

const std::string kLong(80, 'n');

TEST(ListedNamesTest, OnlyWhatIsTooLongIsShortened) {
  const std::string fits(60, 'f');
  const auto list = ListOf(ListKind::kTools, {fits, fits + "f", "short", kLong});
  const ListedNames names("git-", list);
  EXPECT_EQ(names.NameOf(*list->Find("short")), "git-short");
  EXPECT_EQ(names.NameOf(*list->Find(fits)), "git-" + fits);
  EXPECT_EQ(names.FindShortened("git-short"), nullptr);
  for (const std::string& key : {fits + "f", kLong}) {
    const std::string name = names.NameOf(*list->Find(key));
    EXPECT_EQ(name.size(), kMaxListedName);
    EXPECT_EQ(name.substr(0, 55), ("git-" + key).substr(0, 55));
    EXPECT_TRUE(LooksShortened(name)) << name;
    EXPECT_EQ(names.FindShortened(name), list->Find(key));
  }
  EXPECT_FALSE(LooksShortened("git-" + fits));
  EXPECT_FALSE(LooksShortened("git-0123abcd"));
}

// Callers keep names: a bridge of another version or machine must give the same.
TEST(ListedNamesTest, ShortenedNamesStayTheSame) {
  const auto list = ListOf(ListKind::kTools, {kLong});
  EXPECT_EQ(ListedNames("git-", list).NameOf(list->entries[0]),
            "git-" + std::string(51, 'n') + "-17c42cd6");
}

TEST(ListedNamesTest, ANameThatIsTakenIsAvoided) {
  const auto one = ListOf(ListKind::kTools, {kLong});
  const std::string taken = ListedNames("git-", one).NameOf(one->entries[0]).substr(4);
  const auto two = ListOf(ListKind::kTools, {taken, kLong});
  const ListedNames names("git-", two);
  EXPECT_EQ(names.NameOf(*two->Find(taken)), "git-" + taken);
  const std::string other = names.NameOf(*two->Find(kLong));
  EXPECT_NE(other, "git-" + taken);
  EXPECT_EQ(names.FindShortened(other), two->Find(kLong));
}

TEST(ListedNamesTest, CharactersAreNotCutInTwo) {
  std::string key;
  for (int i = 0; i < 40; ++i) key += "\xe2\x82\xac";
  const auto list = ListOf(ListKind::kTools, {key});
  for (const std::string prefix : {"", "a", "ab", "abc-"}) {
    const std::string name = ListedNames(prefix, list).NameOf(list->entries[0]);
    EXPECT_LE(name.size(), kMaxListedName);
    EXPECT_EQ((name.size() - prefix.size() - 9) % 3, 0u) << name;
    EXPECT_TRUE(LooksShortened(name)) << name;
  }
}

// Whatever servers have, and in whatever order they are known: each listed name is unique, short
// enough and leads back to its own entry.
TEST(ListedNamesTest, EveryListedNameLeadsBack) {
  std::mt19937 random(20);
  const auto pick = [&](std::size_t n) {
    return std::uniform_int_distribution<std::size_t>(0, n - 1)(random);
  };
  const auto make_key = [&] {
    static const std::vector<std::string> kPieces = {
        "a", "b-", "git", "-", "web-a", "\xc3\xa9", std::string(30, 'l'), std::string(58, 'm')};
    std::string key;
    for (std::size_t n = pick(4) + 1; n > 0; --n) key += kPieces[pick(kPieces.size())];
    return key;
  };
  const std::string endless(70, 's');
  for (int round = 0; round < 200; ++round) {
    const std::vector<std::string> servers =
        round % 4 == 0 ? std::vector<std::string>{"git"}
                       : std::vector<std::string>{"a", "git", endless, endless + "t", "web"};
    const Config config = ConfigOf(servers);
    std::vector<std::shared_ptr<const Catalogue>> catalogues;
    for (std::size_t i = 0; i < servers.size(); ++i) {
      std::vector<std::string> keys;
      for (std::size_t n = pick(12); n > 0; --n) {
        keys.push_back(make_key());
        // Its twin has the name of its server in front already.
        if (pick(3) == 0) keys.push_back(servers[i] + kNameSeparator + keys.back());
      }
      catalogues.push_back(CatalogueOf(
          {.tools = ListOf(ListKind::kTools, keys), .prompts = ListOf(ListKind::kPrompts, keys)}));
    }
    const RouteTable table(config, catalogues);
    for (const ListKind kind : {ListKind::kTools, ListKind::kPrompts}) {
      const auto resolve = [&](const Scope& scope, std::string_view name) {
        return kind == ListKind::kTools ? table.Resolve(scope, name)
                                        : table.ResolvePrompt(scope, name);
      };
      std::set<std::string> names;
      for (std::size_t i = 0; i < servers.size(); ++i) {
        std::vector<std::shared_ptr<const Catalogue>> alone(servers.size());
        alone[i] = catalogues[i];
        const RouteTable early(config, alone);
        std::set<std::string> scoped_names;
        for (const ListEntry& entry : table.Known(i, kind)->entries) {
          const std::string name = table.ListedName(kind, i, entry, {});
          const std::string scoped = table.ListedName(kind, i, entry, Scope(i));
          EXPECT_LE(name.size(), kMaxListedName) << name;
          EXPECT_LE(scoped.size(), kMaxListedName) << scoped;
          EXPECT_TRUE(names.insert(name).second) << name;
          EXPECT_TRUE(scoped_names.insert(scoped).second) << scoped;
          EXPECT_EQ(early.ListedName(kind, i, entry, {}), name) << "whoever else is known";
          for (const auto& [scope, listed] :
               {std::pair(Scope(), name), std::pair(Scope(i), scoped)}) {
            const Result<Route> route = resolve(scope, listed);
            ASSERT_TRUE(route) << listed << ": " << route.error().message;
            EXPECT_EQ(route->server, i) << listed;
            EXPECT_EQ(route->name, entry.key) << listed;
            EXPECT_FALSE(route->unknown) << listed;
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace mcpbridge

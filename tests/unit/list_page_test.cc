#include "server/service/list_page.h"

#include <gtest/gtest.h>

#include <deque>
#include <string>
#include <vector>

namespace mcpbridge {
namespace {

class ListPageTest : public testing::Test {
 protected:
  ListPageTest() {
    for (const char* server : {"a", "b"}) {
      for (const char* key : {"x", "y", "z"}) Add(server, key);
    }
  }

  void Add(std::string_view server, const std::string& key, std::size_t padding = 0) {
    std::string json = R"({"name":")";
    const std::size_t begin = json.size() - 1;
    json += key + "\"";
    if (padding > 0) json += R"(,"description":")" + std::string(padding, 'd') + '"';
    entries_.push_back(
        {.key = key, .json = json + "}", .key_begin = begin, .key_size = key.size() + 2});
    listing_.items.push_back({.server = server,
                              .entry = &entries_.back(),
                              .listed_name = std::string(server) + '-' + key});
  }

  void Clear() { listing_.items.clear(); }

  static std::string NamesOn(const Page& page) {
    std::string names;
    for (const Listing::Item& item : page.items) names += item.listed_name + ' ';
    return names;
  }

  // The names on each page, from the first to the last.
  std::vector<std::string> Pages(std::size_t max_items, std::size_t max_bytes = kMaxPageBytes) {
    std::vector<std::string> pages;
    std::string cursor;
    do {
      const Page page =
          TakePage(listing_, {.after = ParseCursor(cursor, listing_.kind, listing_.scope).value(),
                              .max_items = max_items,
                              .max_bytes = max_bytes});
      pages.push_back(NamesOn(page));
      cursor = page.next_cursor;
    } while (!cursor.empty());
    return pages;
  }

  std::deque<ListEntry> entries_;
  Listing listing_;
};

using Names = std::vector<std::string>;

TEST(CursorTest, ComesBackAsItsPosition) {
  const PagePosition position{.server = "s", .key = std::string("t\0\xc3\xa9/?", 6)};
  for (const ListKind kind : kListKinds) {
    for (const char* scope : {"", "s"}) {
      const std::string cursor = CursorOf(kind, scope, position);
      EXPECT_EQ(ParseCursor(cursor, kind, scope).value(), position);
      EXPECT_EQ(cursor.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                         "0123456789-_"),
                std::string::npos);
    }
  }
  EXPECT_EQ(ParseCursor("", ListKind::kTools, "s").value(), PagePosition());
}

TEST(CursorTest, OthersAreRefused) {
  const std::string good = CursorOf(ListKind::kTools, "", {.server = "s", .key = "t"});
  ASSERT_TRUE(ParseCursor(good, ListKind::kTools, ""));
  for (const std::string& bad :
       {std::string("x"), std::string("nonsense!"), std::string("AAAA"), good + "=", good + " ",
        good.substr(1), CursorOf(ListKind::kTools, "", {}),
        CursorOf(ListKind::kTools, "", {.server = "", .key = "k"}),
        CursorOf(ListKind::kTools, "", {.server = "s", .key = ""}),
        CursorOf(ListKind::kPrompts, "", {.server = "s", .key = "t"}),
        CursorOf(ListKind::kTools, "s", {.server = "s", .key = "t"})}) {
    const Result<PagePosition> position = ParseCursor(bad, ListKind::kTools, "");
    ASSERT_FALSE(position) << bad;
    EXPECT_EQ(position.error().reason, Reason::kInvalidArguments);
  }
}

TEST_F(ListPageTest, EveryItemIsOnOnePage) {
  EXPECT_EQ(Pages(kMaxPageItems), (Names{"a-x a-y a-z b-x b-y b-z "}));
  EXPECT_EQ(Pages(6), (Names{"a-x a-y a-z b-x b-y b-z "}));
  EXPECT_EQ(Pages(4), (Names{"a-x a-y a-z b-x ", "b-y b-z "}));
  EXPECT_EQ(Pages(1), (Names{"a-x ", "a-y ", "a-z ", "b-x ", "b-y ", "b-z "}));
  Clear();
  EXPECT_EQ(Pages(1), (Names{""}));
}

TEST_F(ListPageTest, APageEndsBeforeItIsTooLarge) {
  Clear();
  Add("a", "big", 3 << 20);
  Add("a", "x");
  Add("b", "huge", 5 << 20);
  Add("b", "x");
  EXPECT_EQ(Pages(kMaxPageItems), (Names{"a-big a-x ", "b-huge ", "b-x "}));
  EXPECT_EQ(Pages(kMaxPageItems, 1), (Names{"a-big ", "a-x ", "b-huge ", "b-x "}));
}

TEST_F(ListPageTest, APageGoesOnBehindAnItemThatIsGone) {
  for (const auto& [server, key, rest] :
       {std::tuple("a", "yy", "a-z b-x b-y b-z "), std::tuple("a", "zz", "b-x b-y b-z "),
        std::tuple("aa", "x", "b-x b-y b-z "), std::tuple("c", "x", "")}) {
    const Page page = TakePage(listing_, {.after = {.server = server, .key = key}});
    EXPECT_EQ(NamesOn(page), rest);
    EXPECT_EQ(page.next_cursor, "");
  }
}

TEST_F(ListPageTest, TheResultOfAToolsList) {
  const Page page = TakePage(listing_, {.after = {}, .max_items = 2});
  EXPECT_EQ(ResultOf(listing_, page), R"({"tools":[{"name":"a-x"},{"name":"a-y"}],"nextCursor":")" +
                                          page.next_cursor + "\"}");
  listing_.unavailable.emplace_back("c", Error{.message = "no \"c\""});
  listing_.unavailable.emplace_back("d", Error{.message = "gone"});
  Clear();
  EXPECT_EQ(ResultOf(listing_, TakePage(listing_, {})),
            R"({"tools":[],"_meta":{"mcp-bridge/unavailable":[)"
            R"({"server":"c","error":"no \"c\""},{"server":"d","error":"gone"}]}})");
}

TEST_F(ListPageTest, TheResultsOfTheOtherLists) {
  const std::string json = R"({"uri" : "x:\u0041", "size":12345678901234567890})";
  const ListEntry resource{.key = "x:A", .json = json, .key_begin = 9, .key_size = 10};
  listing_.items = {{.server = "a", .entry = &resource, .listed_name = "x:A"}};
  for (const auto& [kind, member] : {std::pair(ListKind::kResources, "resources"),
                                     std::pair(ListKind::kTemplates, "resourceTemplates"),
                                     std::pair(ListKind::kPrompts, "prompts")}) {
    listing_.kind = kind;
    EXPECT_EQ(ResultOf(listing_, TakePage(listing_, {})),
              "{\"" + std::string(member) + "\":[" + json + "]}");
  }
}

}  // namespace
}  // namespace mcpbridge

#include "server/frontend/grpc/tool_listing.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace mcpbridge {
namespace {

ListEntry Entry(const std::string& name, const std::string& more = "") {
  return {.key = name,
          .json = "{\"name\":\"" + name + "\",\"inputSchema\":{\"type\":\"object\"}" + more + "}"};
}

v1::Tool ToolOf(const std::string& json) {
  v1::Tool tool;
  FillTool({.key = "t", .json = json}, tool);
  return tool;
}

TEST(ToolListingTest, PageSizes) {
  v1::ListToolsRequest request;
  EXPECT_EQ(ParsePageRequest(request, request.server())->max_items, 1000u);
  request.set_page_size(7);
  EXPECT_EQ(ParsePageRequest(request, request.server())->max_items, 7u);
  request.set_page_size(100'000);
  EXPECT_EQ(ParsePageRequest(request, request.server())->max_items, 1000u);
  request.set_page_size(-1);
  EXPECT_EQ(ParsePageRequest(request, request.server()).error().reason, Reason::kInvalidArguments);
}

TEST(ToolListingTest, APageTokenIsOneOfToolsAndOfItsServer) {
  v1::ListToolsRequest request;
  request.set_page_token(CursorOf(ListKind::kTools, "", {.server = "a", .key = "x"}));
  EXPECT_EQ(ParsePageRequest(request, request.server())->after,
            (PagePosition{.server = "a", .key = "x"}));
  request.set_server("a");
  EXPECT_EQ(ParsePageRequest(request, request.server()).error().reason, Reason::kInvalidArguments);
  request.set_page_token(CursorOf(ListKind::kPrompts, "a", {.server = "a", .key = "x"}));
  EXPECT_EQ(ParsePageRequest(request, request.server()).error().reason, Reason::kInvalidArguments);
}

class PagesTest : public testing::Test {
 protected:
  PagesTest() {
    for (const char* name : {"x", "y", "z"}) tools_.push_back(Entry(name));
    tools_.push_back(Entry("w", ",\"description\":\"" + std::string(3 << 20, 'd') + "\""));
    for (const char* server : {"a", "b"}) {
      for (std::size_t i = 0; i < 3; ++i) Add(server, tools_[i]);
    }
  }

  void Add(std::string_view server, const ListEntry& tool) {
    listing_.items.push_back(
        {.server = server, .entry = &tool, .listed_name = std::string(server) + '-' + tool.key});
  }

  // Names on each page of `size`.
  std::vector<std::string> Pages(int size) {
    std::vector<std::string> pages;
    v1::ListToolsRequest request;
    request.set_page_size(size);
    do {
      v1::ListToolsResponse response;
      FillPage(listing_, ParsePageRequest(request, request.server()).value(), response);
      pages.emplace_back();
      for (const v1::Tool& tool : response.tools()) {
        pages.back() += tool.server() + '/' + tool.name() + ' ';
      }
      request.set_page_token(response.next_page_token());
    } while (!request.page_token().empty());
    return pages;
  }

  std::vector<ListEntry> tools_;
  Listing listing_;
};

TEST_F(PagesTest, EveryToolIsOnOnePage) {
  using Names = std::vector<std::string>;
  EXPECT_EQ(Pages(0), (Names{"a/a-x a/a-y a/a-z b/b-x b/b-y b/b-z "}));
  EXPECT_EQ(Pages(4), (Names{"a/a-x a/a-y a/a-z b/b-x ", "b/b-y b/b-z "}));
  listing_.items.clear();
  EXPECT_EQ(Pages(1), (Names{""}));
}

TEST_F(PagesTest, APageStaysSmallEnoughToBeRead) {
  listing_.items.clear();
  Add("a", tools_[3]);
  Add("a", tools_[0]);
  Add("b", tools_[3]);
  EXPECT_EQ(Pages(0), (std::vector<std::string>{"a/a-w ", "a/a-x ", "b/b-w "}));
}

TEST_F(PagesTest, ServersThatCouldNotBeAskedAreNamed) {
  listing_.unavailable.emplace_back("b", Error{.message = "no\xff"});
  v1::ListToolsResponse response;
  FillPage(listing_, {.after = {}, .max_items = 1}, response);
  ASSERT_EQ(response.unavailable_size(), 1);
  EXPECT_EQ(response.unavailable(0).server(), "b");
  EXPECT_EQ(response.unavailable(0).error(), "no?");
}

TEST(ToolListingTest, AToolsMembers) {
  const v1::Tool tool = ToolOf(
      R"({"name":"t","title":"T","description":"d\n","inputSchema": {"type":"object", "x":1} ,
          "outputSchema":{},"annotations":{"title":"A","readOnlyHint":false,"openWorldHint":true},
          "_meta":{"a":[1]},"icons":[{}]})");
  EXPECT_EQ(tool.title(), "T");
  EXPECT_EQ(tool.description(), "d\n");
  EXPECT_EQ(tool.input_schema_json(), R"({"type":"object", "x":1})");
  EXPECT_EQ(tool.output_schema_json(), "{}");
  EXPECT_EQ(tool.annotations().title(), "A");
  EXPECT_TRUE(tool.annotations().has_read_only_hint());
  EXPECT_FALSE(tool.annotations().read_only_hint());
  EXPECT_FALSE(tool.annotations().has_destructive_hint());
  EXPECT_TRUE(tool.annotations().open_world_hint());
  EXPECT_EQ(tool.meta().fields().at("a").list_value().values(0).number_value(), 1);
}

TEST(ToolListingTest, OddMembersAreLeftOut) {
  const v1::Tool tool = ToolOf(R"({"name":"t","title":null,"annotations":null,"_meta":7,
      "inputSchema":true,"description":"d","outputSchema":null})");
  EXPECT_EQ(tool.title(), "");
  EXPECT_FALSE(tool.has_annotations());
  EXPECT_FALSE(tool.has_meta());
  EXPECT_EQ(tool.input_schema_json(), "");
  EXPECT_EQ(tool.output_schema_json(), "");
  EXPECT_EQ(tool.description(), "d");
}

}  // namespace
}  // namespace mcpbridge

#include "server/frontend/grpc/typed_listing.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace mcpbridge {
namespace {

ListEntry Entry(const std::string& name, const std::string& more = "") {
  return {.key = name,
          .json = "{\"name\":\"" + name + "\",\"inputSchema\":{\"type\":\"object\"}" + more + "}"};
}

template <class Response>
Response ResponseOf(const ListEntry& entry) {
  Response response;
  AddItem({.server = "s", .entry = &entry, .listed_name = "listed"}, response);
  return response;
}

v1::Tool ToolOf(const std::string& json) {
  return ResponseOf<v1::ListToolsResponse>({.key = "t", .json = json}).tools(0);
}

Result<PageRequest> PageOf(const std::string& server, int size, const std::string& token = "") {
  return ParsePageRequest(ListKind::kTools, server, size, token);
}

TEST(ListingTest, PageSizes) {
  EXPECT_EQ(PageOf("", 0)->max_items, 1000u);
  EXPECT_EQ(PageOf("", 7)->max_items, 7u);
  EXPECT_EQ(PageOf("", 100'000)->max_items, 1000u);
  EXPECT_EQ(PageOf("", -1).error().reason, Reason::kInvalidArguments);
}

TEST(ListingTest, APageTokenIsOneOfItsListAndOfItsServer) {
  const std::string token = CursorOf(ListKind::kTools, "", {.server = "a", .key = "x"});
  EXPECT_EQ(PageOf("", 0, token)->after, (PagePosition{.server = "a", .key = "x"}));
  EXPECT_EQ(PageOf("a", 0, token).error().reason, Reason::kInvalidArguments);
  const std::string other = CursorOf(ListKind::kPrompts, "a", {.server = "a", .key = "x"});
  EXPECT_EQ(PageOf("a", 0, other).error().reason, Reason::kInvalidArguments);
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
    std::string token;
    do {
      v1::ListToolsResponse response;
      FillPage(listing_, PageOf("", size, token).value(), response);
      pages.emplace_back();
      for (const v1::Tool& tool : response.tools()) {
        pages.back() += tool.server() + '/' + tool.name() + ' ';
      }
      token = response.next_page_token();
    } while (!token.empty());
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

TEST(ListingTest, AToolsMembers) {
  const v1::Tool tool = ToolOf(
      R"({"name":"t","title":"T","description":"d\n","inputSchema": {"type":"object", "x":1} ,
          "outputSchema":{},"annotations":{"title":"A","readOnlyHint":false,"openWorldHint":true},
          "_meta":{"a":[1]},"icons":[{"src":"i","sizes":["48x48","any"],"theme":"dark"},7]})");
  EXPECT_EQ(tool.name(), "listed");
  EXPECT_EQ(tool.server(), "s");
  EXPECT_EQ(tool.icons(0).sizes(1), "any");
  EXPECT_EQ(tool.icons_size(), 1);
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

TEST(ListingTest, OddMembersAreLeftOut) {
  const v1::Tool tool = ToolOf(R"({"name":"t","title":null,"annotations":null,"_meta":7,
      "inputSchema":true,"description":"d","outputSchema":null})");
  EXPECT_EQ(tool.title(), "");
  EXPECT_FALSE(tool.has_annotations());
  EXPECT_FALSE(tool.has_meta());
  EXPECT_EQ(tool.input_schema_json(), "");
  EXPECT_EQ(tool.output_schema_json(), "");
  EXPECT_EQ(tool.description(), "d");
}

TEST(ListingTest, ResourcesTemplatesAndPrompts) {
  const auto resource =
      ResponseOf<v1::ListResourcesResponse>(
          {.key = "r", .json = R"({"uri":"r","name":"n","size":12.0,"mimeType":"m",
      "annotations":{"audience":["user"],"priority":0.5,"lastModified":"2026"}})"})
          .resources(0);
  EXPECT_EQ(resource.uri(), "listed");
  EXPECT_EQ(resource.name(), "n");
  EXPECT_EQ(resource.mime_type(), "m");
  EXPECT_EQ(resource.size(), 12);
  EXPECT_EQ(resource.annotations().audience(0), "user");
  EXPECT_EQ(resource.annotations().priority(), 0.5);
  EXPECT_EQ(resource.annotations().last_modified(), "2026");
  const auto bare = ResponseOf<v1::ListResourcesResponse>({.key = "r", .json = R"({"size":-1})"});
  EXPECT_FALSE(bare.resources(0).has_size());
  const auto resource_template = ResponseOf<v1::ListResourceTemplatesResponse>(
                                     {.key = "r", .json = R"({"name":"n","description":"d"})"})
                                     .resource_templates(0);
  EXPECT_EQ(resource_template.uri_template(), "listed");
  EXPECT_EQ(resource_template.name(), "n");
  EXPECT_EQ(resource_template.description(), "d");
  const auto prompt = ResponseOf<v1::ListPromptsResponse>(
                          {.key = "p", .json = R"({"name":"p","title":"T","arguments":[
      {"name":"a","description":"d","required":true},{"name":"b","title":"B"}]})"})
                          .prompts(0);
  EXPECT_EQ(prompt.name(), "listed");
  EXPECT_EQ(prompt.title(), "T");
  ASSERT_EQ(prompt.arguments_size(), 2);
  EXPECT_TRUE(prompt.arguments(0).required());
  EXPECT_EQ(prompt.arguments(0).description(), "d");
  EXPECT_FALSE(prompt.arguments(1).required());
  EXPECT_EQ(prompt.arguments(1).title(), "B");
}

}  // namespace
}  // namespace mcpbridge

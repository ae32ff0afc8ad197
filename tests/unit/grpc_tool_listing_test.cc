#include "server/frontend/grpc/tool_listing.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace mcpbridge {
namespace {

ToolEntry Entry(const std::string& name, const std::string& more = "") {
  return {.name = name,
          .json = "{\"name\":\"" + name + "\",\"inputSchema\":{\"type\":\"object\"}" + more + "}"};
}

v1::Tool ToolOf(const std::string& json) {
  v1::Tool tool;
  FillTool({.name = "t", .json = json}, tool);
  return tool;
}

TEST(ToolListingTest, ATokenComesBackAsItsKey) {
  const PageKey key{.scope = "s", .server = "s", .tool = std::string("t\0\xc3\xa9", 4)};
  const std::string token = PageTokenOf(key);
  EXPECT_EQ(ParsePageToken(token, "s").value(), key);
  EXPECT_EQ(token.find_first_not_of("0123456789abcdef"), std::string::npos);
}

TEST(ToolListingTest, OtherTokensAreRefused) {
  const std::string token = PageTokenOf({.scope = "", .server = "s", .tool = "t"});
  EXPECT_TRUE(ParsePageToken(token, "").has_value());
  for (const std::string& bad :
       std::vector<std::string>{"x", "0", "00", "zz", "0073", "AB", "000000", token + "0"}) {
    const Result<PageKey> key = ParsePageToken(bad, "");
    ASSERT_FALSE(key.has_value()) << bad;
    EXPECT_EQ(key.error().reason, Reason::kInvalidArguments);
  }
  EXPECT_FALSE(ParsePageToken(token, "s").has_value());
}

TEST(ToolListingTest, PageSizes) {
  v1::ListToolsRequest request;
  EXPECT_EQ(ParsePageRequest(request)->size, 1000u);
  request.set_page_size(7);
  EXPECT_EQ(ParsePageRequest(request)->size, 7u);
  request.set_page_size(100'000);
  EXPECT_EQ(ParsePageRequest(request)->size, 1000u);
  request.set_page_size(-1);
  EXPECT_EQ(ParsePageRequest(request).error().reason, Reason::kInvalidArguments);
}

class PagesTest : public testing::Test {
 protected:
  PagesTest() {
    config_.servers.resize(2);
    config_.servers[0].name = "a";
    config_.servers[1].name = "b";
    for (const char* name : {"x", "y", "z"}) tools_.push_back(Entry(name));
    tools_.push_back(Entry("large", ",\"description\":\"" + std::string(3 << 20, 'd') + "\""));
    for (std::size_t server : {std::size_t{0}, std::size_t{1}}) {
      for (std::size_t i = 0; i < 3; ++i) Add(server, tools_[i]);
    }
  }

  void Add(std::size_t server, const ToolEntry& tool) {
    listing_.tools.push_back({.server = server,
                              .tool = &tool,
                              .listed_name = config_.servers[server].name + '-' + tool.name});
  }

  // Names on each page of `size`.
  std::vector<std::string> Pages(int size) {
    std::vector<std::string> pages;
    v1::ListToolsRequest request;
    request.set_page_size(size);
    do {
      v1::ListToolsResponse response;
      FillPage(listing_, config_, ParsePageRequest(request).value(), response);
      pages.emplace_back();
      for (const v1::Tool& tool : response.tools()) pages.back() += tool.name() + ' ';
      request.set_page_token(response.next_page_token());
    } while (!request.page_token().empty());
    return pages;
  }

  Config config_;
  std::vector<ToolEntry> tools_;
  ToolListing listing_;
};

TEST_F(PagesTest, EveryToolIsOnOnePage) {
  using Names = std::vector<std::string>;
  EXPECT_EQ(Pages(0), (Names{"a-x a-y a-z b-x b-y b-z "}));
  EXPECT_EQ(Pages(6), (Names{"a-x a-y a-z b-x b-y b-z "}));
  EXPECT_EQ(Pages(4), (Names{"a-x a-y a-z b-x ", "b-y b-z "}));
  EXPECT_EQ(Pages(1), (Names{"a-x ", "a-y ", "a-z ", "b-x ", "b-y ", "b-z "}));
  listing_.tools.clear();
  EXPECT_EQ(Pages(1), (Names{""}));
}

TEST_F(PagesTest, APageGoesOnBehindAToolThatIsGone) {
  v1::ListToolsRequest request;
  request.set_page_token(PageTokenOf({.scope = "", .server = "a", .tool = "yy"}));
  v1::ListToolsResponse response;
  FillPage(listing_, config_, ParsePageRequest(request).value(), response);
  ASSERT_EQ(response.tools_size(), 4);
  EXPECT_EQ(response.tools(0).name(), "a-z");
  EXPECT_EQ(response.tools(0).server(), "a");
}

TEST_F(PagesTest, APageStaysSmallEnoughToBeRead) {
  listing_.tools.clear();
  Add(0, tools_[3]);
  Add(0, tools_[0]);
  Add(1, tools_[3]);
  EXPECT_EQ(Pages(0), (std::vector<std::string>{"a-large ", "a-x ", "b-large "}));
}

TEST_F(PagesTest, ServersThatCouldNotBeAskedAreNamed) {
  listing_.unavailable.emplace_back("b", Error{.message = "no\xff"});
  v1::ListToolsResponse response;
  FillPage(listing_, config_, {.size = 1, .after = {}}, response);
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

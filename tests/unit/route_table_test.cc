#include "server/routing/route_table.h"

#include <gtest/gtest.h>

#include <string>

namespace mcpbridge {
namespace {

std::shared_ptr<const Catalogue> CatalogueOf(const std::vector<std::string>& names) {
  Catalogue catalogue;
  std::string page = R"({"tools":[)";
  for (const std::string& name : names) {
    if (page.back() == '}') page += ',';
    page += R"({"inputSchema":{},"name" : ")" + name + R"(" })";
  }
  EXPECT_EQ(AppendToolsPage(page + "]}", catalogue).value(), "");
  Finish(catalogue);
  return std::make_shared<const Catalogue>(std::move(catalogue));
}

ServerConfig Server(const std::string& name) {
  ServerConfig server;
  server.name = name;
  return server;
}

Config TwoServers() {
  Config config;
  config.servers = {Server("git"), Server("web")};
  return config;
}

TEST(RouteTableTest, ByPrefixByServerAndByUniqueName) {
  const Config config = TwoServers();
  const RouteTable table(config, {CatalogueOf({"log", "get-x"}), CatalogueOf({"fetch", "log"})});
  const auto expect = [&](std::string_view server, std::string_view name, std::size_t index,
                          std::string_view tool) {
    const auto route = table.Resolve(server, name);
    ASSERT_TRUE(route) << name << ": " << route.error().message;
    EXPECT_EQ(route->server, index) << name;
    EXPECT_EQ(route->tool, tool) << name;
    EXPECT_FALSE(route->unknown_tool) << name;
  };
  expect("", "git-log", 0, "log");
  expect("", "web-log", 1, "log");
  expect("", "git-get-x", 0, "get-x");
  expect("", "fetch", 1, "fetch");
  expect("", "get-x", 0, "get-x");
  expect("web", "log", 1, "log");
  expect("web", "web-log", 1, "log");
}

TEST(RouteTableTest, SaysWhyNot) {
  Config config = TwoServers();
  config.servers[0].allowed_tools = {"log", "gone"};
  config.servers[0].disallowed_tools = {"gone"};
  const RouteTable table(config,
                         {CatalogueOf({"log", "gone", "other"}), CatalogueOf({"log", "other"})});
  const auto reason = [&](std::string_view server, std::string_view name) {
    return table.Resolve(server, name).error().reason;
  };
  EXPECT_EQ(reason("nope", "log"), Reason::kServerNotFound);
  EXPECT_EQ(reason("", "nope"), Reason::kToolNotFound);
  EXPECT_EQ(reason("", "nope-log"), Reason::kToolNotFound);
  EXPECT_EQ(reason("", "log"), Reason::kToolAmbiguous);
  EXPECT_NE(table.Resolve("", "log").error().message.find("git-log web-log"), std::string::npos);
  EXPECT_EQ(reason("git", "gone"), Reason::kToolNotAllowed);
  EXPECT_EQ(reason("git", "other"), Reason::kToolNotAllowed);
  // What isn't allowed doesn't make a name ambiguous.
  EXPECT_EQ(table.Resolve("", "other").value().server, 1u);
}

TEST(RouteTableTest, AnUnknownToolIsWorthAskingFor) {
  const Config config = TwoServers();
  const RouteTable table(config, {CatalogueOf({"log"}), nullptr});
  EXPECT_TRUE(table.Resolve("git", "new").value().unknown_tool);
  EXPECT_FALSE(table.Resolve("web", "new").value().unknown_tool) << "its tools aren't known at all";
}

TEST(RouteTableTest, OneServerTakesEveryName) {
  Config config;
  config.servers = {Server("git")};
  const RouteTable table(config, {CatalogueOf({"log", "git-x"})});
  EXPECT_EQ(table.Resolve("", "log").value().tool, "log");
  EXPECT_EQ(table.Resolve("", "git-log").value().tool, "log");
  EXPECT_EQ(table.Resolve("", "git-x").value().tool, "git-x") << "its own name, prefix or not";
  EXPECT_EQ(table.ListedName(0, "log", false), "log");
}

TEST(CatalogueTest, KeepsToolsVerbatimButForTheName) {
  const std::string tool =
      R"({"inputSchema":{"$defs":{"a":{"const":9007199254740993}}},"name":"t","x":[1,2]})";
  Catalogue catalogue;
  ASSERT_EQ(
      AppendToolsPage(R"({"tools":[ )" + tool + R"( ],"nextCursor":"a\"b"})", catalogue).value(),
      R"("a\"b")");
  EXPECT_EQ(catalogue.tools[0].json, tool);
  EXPECT_EQ(
      catalogue.tools[0].JsonNamed("srv-t"),
      R"({"inputSchema":{"$defs":{"a":{"const":9007199254740993}}},"name":"srv-t","x":[1,2]})");
}

TEST(CatalogueTest, RefusesWhatIsNotAListOfTools) {
  for (const char* bad : {"7", "{}", R"({"tools":7})", R"({"tools":[7]})", R"({"tools":[{}]})",
                          R"({"tools":[{"name":7}]})", R"({"tools":[{"name":"a","x":nul}]})"}) {
    Catalogue catalogue;
    EXPECT_EQ(AppendToolsPage(bad, catalogue).error().reason, Reason::kUpstreamProtocol) << bad;
  }
}

}  // namespace
}  // namespace mcpbridge

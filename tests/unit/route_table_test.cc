#include "server/routing/route_table.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/unit/catalogue_fixture.h"

namespace mcpbridge {
namespace {

Config TwoServers() { return ConfigOf({"git", "web"}); }

TEST(RouteTableTest, ByPrefixByServerAndByUniqueName) {
  const Config config = TwoServers();
  const RouteTable table(config, {Tools({"log", "get-x"}), Tools({"fetch", "log"})});
  const auto expect = [&](std::string_view server, std::string_view name, std::size_t index,
                          std::string_view tool) {
    const auto route = table.Resolve(server, name);
    ASSERT_TRUE(route) << name << ": " << route.error().message;
    EXPECT_EQ(route->server, index) << name;
    EXPECT_EQ(route->name, tool) << name;
    EXPECT_FALSE(route->unknown) << name;
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
  const RouteTable table(config, {Tools({"log", "gone", "other"}), Tools({"log", "other"})});
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
  const RouteTable table(config, {Tools({"log"}), nullptr});
  EXPECT_TRUE(table.Resolve("git", "new").value().unknown);
  EXPECT_FALSE(table.Resolve("web", "new").value().unknown) << "its tools aren't known at all";
}

TEST(RouteTableTest, OneServerTakesEveryName) {
  const Config config = ConfigOf({"git"});
  const RouteTable table(config, {Tools({"log", "git-x"})});
  EXPECT_EQ(table.Resolve("", "log").value().name, "log");
  EXPECT_EQ(table.Resolve("", "git-log").value().name, "log");
  EXPECT_EQ(table.Resolve("", "git-x").value().name, "git-x") << "its own name, prefix or not";
  EXPECT_EQ(
      table.ListedName(ListKind::kTools, 0, table.Known(0, ListKind::kTools)->entries[0], false),
      "git-x");
}

TEST(RouteTableTest, AShortenedNameOfAListThatIsNotKnownIsWorthAskingFor) {
  Config config = TwoServers();
  config.servers[0].allowed_tools = {std::string(70, 'n')};
  const auto tools = Tools({std::string(70, 'n')});
  const std::string name =
      RouteTable(config, {tools, nullptr})
          .ListedName(ListKind::kTools, 0,
                      *tools->Known(ListKind::kTools)->Find(std::string(70, 'n')), false);
  const RouteTable before(config, {nullptr, nullptr});
  EXPECT_TRUE(before.Resolve("", name).value().unknown);
  const RouteTable after(config, {tools, nullptr});
  EXPECT_EQ(after.Resolve("", name).value().name, std::string(70, 'n'));
  EXPECT_EQ(after.Resolve("git", name).value().name, std::string(70, 'n')) << "LiteLLM's spelling";
}

TEST(RouteTableTest, PromptsHaveTheNamesOfTheirOwnList) {
  Config config = TwoServers();
  config.servers[0].disallowed_tools = {"ask"};
  const auto prompts = [](const std::vector<std::string>& names) {
    return CatalogueOf({.tools = ListOf(ListKind::kTools, {"tool"}),
                        .prompts = ListOf(ListKind::kPrompts, names)});
  };
  const RouteTable table(config, {prompts({"ask", "both"}), prompts({"both"})});
  const auto expect = [&](std::string_view server, std::string_view name, std::size_t index,
                          std::string_view prompt) {
    const auto route = table.ResolvePrompt(server, name);
    ASSERT_TRUE(route) << name << ": " << route.error().message;
    EXPECT_EQ(route->server, index) << name;
    EXPECT_EQ(route->name, prompt) << name;
    EXPECT_FALSE(route->unknown) << name;
  };
  expect("", "ask", 0, "ask");  // what is allowed is about tools
  expect("", "git-ask", 0, "ask");
  expect("", "web-both", 1, "both");
  expect("git", "both", 0, "both");
  expect("git", "git-both", 0, "both");
  const auto reason = [&](std::string_view server, std::string_view name) {
    return table.ResolvePrompt(server, name).error().reason;
  };
  EXPECT_EQ(reason("nope", "ask"), Reason::kServerNotFound);
  EXPECT_EQ(reason("", "tool"), Reason::kPromptNotFound);
  EXPECT_EQ(reason("", "both"), Reason::kPromptAmbiguous);
  EXPECT_NE(table.ResolvePrompt("", "both").error().message.find("git-both web-both"),
            std::string::npos);
  EXPECT_TRUE(table.ResolvePrompt("", "web-new").value().unknown);
}

std::shared_ptr<const Catalogue> Resources(const std::vector<std::string>& uris,
                                           const std::vector<std::string>& templates) {
  return CatalogueOf({.resources = ListOf(ListKind::kResources, uris),
                      .templates = ListOf(ListKind::kTemplates, templates)});
}

TEST(RouteTableTest, AResourceIsFoundByUriThenByTemplate) {
  const Config config = ConfigOf({"a", "b", "c"});
  const RouteTable table(config, {Resources({"x:1", "x:both"}, {"x:{any}"}),
                                  Resources({"x:2", "x:both"}, {"y:{+path}", "x:{any}"}), nullptr});
  const auto server = [&](std::string_view uri) {
    const Result<Route> route = table.ResolveResource("", uri);
    EXPECT_TRUE(route) << uri;
    EXPECT_EQ(route->name, uri);
    return table.config().servers[route->server].name;
  };
  EXPECT_EQ(server("x:1"), "a");
  EXPECT_EQ(server("x:2"), "b") << "listed there, although a's template matches too";
  EXPECT_EQ(server("x:both"), "a") << "the first that has it";
  EXPECT_EQ(server("x:3"), "a") << "the first whose template matches";
  EXPECT_EQ(server("y:p/q"), "b");
  const Error error = table.ResolveResource("", "z:1").error();
  EXPECT_EQ(error.reason, Reason::kResourceNotFound);
  EXPECT_EQ(InfoOf(error.reason).jsonrpc_code, -32002);
  EXPECT_NE(error.message.find("some servers could not be asked"), std::string::npos);
}

TEST(RouteTableTest, ANamedOrOnlyServerTakesEveryUri) {
  const Config two = TwoServers();
  const RouteTable table(two, {Resources({"x:1"}, {}), Resources({}, {})});
  EXPECT_EQ(table.ResolveResource("web", "x:1").value().server, 1u);
  EXPECT_EQ(table.ResolveResource("nope", "x:1").error().reason, Reason::kServerNotFound);
  EXPECT_EQ(table.ResolveResource("", "x:2").error().message, "Resource not found: x:2");
  const Config one = ConfigOf({"git"});
  EXPECT_EQ(RouteTable(one, {nullptr}).ResolveResource("", "any:thing").value().server, 0u);
}

}  // namespace
}  // namespace mcpbridge

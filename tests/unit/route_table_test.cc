#include "server/routing/route_table.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/unit/catalogue_fixture.h"

namespace mcpbridge {
namespace {

Config TwoServers() { return ConfigOf({"git", "web"}); }

// Empty: all.
Scope ScopeOf(const RouteTable& table, std::string_view server) {
  return server.empty() ? Scope() : Scope(IndexOf(table.config(), server).value());
}

TEST(RouteTableTest, ByPrefixByServerAndByUniqueName) {
  const Config config = TwoServers();
  const RouteTable table(config, {Tools({"log", "get-x"}), Tools({"fetch", "log"})});
  const auto expect = [&](std::string_view server, std::string_view name, std::size_t index,
                          std::string_view tool) {
    const auto route = table.Resolve(ScopeOf(table, server), name);
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
    return table.Resolve(ScopeOf(table, server), name).error().reason;
  };
  EXPECT_EQ(reason("", "nope"), Reason::kToolNotFound);
  EXPECT_EQ(reason("", "nope-log"), Reason::kToolNotFound);
  EXPECT_EQ(reason("", "log"), Reason::kToolAmbiguous);
  EXPECT_NE(table.Resolve({}, "log").error().message.find("git-log web-log"), std::string::npos);
  EXPECT_EQ(reason("git", "gone"), Reason::kToolNotAllowed);
  EXPECT_EQ(reason("git", "other"), Reason::kToolNotAllowed);
  // What isn't allowed doesn't make a name ambiguous.
  EXPECT_EQ(table.Resolve({}, "other").value().server, 1u);
}

TEST(RouteTableTest, AnUnknownToolIsWorthAskingFor) {
  const Config config = TwoServers();
  const RouteTable table(config, {Tools({"log"}), nullptr});
  EXPECT_TRUE(table.Resolve(ScopeOf(table, "git"), "new").value().unknown);
  EXPECT_FALSE(table.Resolve(ScopeOf(table, "web"), "new").value().unknown)
      << "its tools aren't known at all";
}

TEST(RouteTableTest, OneServerTakesEveryName) {
  const Config config = ConfigOf({"git"});
  const RouteTable table(config, {Tools({"log", "git-x"})});
  EXPECT_EQ(table.Resolve({}, "log").value().name, "log");
  EXPECT_EQ(table.Resolve({}, "git-log").value().name, "log");
  EXPECT_EQ(table.Resolve({}, "git-x").value().name, "git-x") << "its own name, prefix or not";
  EXPECT_EQ(table.ListedName(ListKind::kTools, 0, table.Known(0, ListKind::kTools)->entries[0], {}),
            "git-x");
}

TEST(RouteTableTest, AShortenedNameOfAListThatIsNotKnownIsWorthAskingFor) {
  Config config = TwoServers();
  config.servers[0].allowed_tools = {std::string(70, 'n')};
  const auto tools = Tools({std::string(70, 'n')});
  const std::string name =
      RouteTable(config, {tools, nullptr})
          .ListedName(ListKind::kTools, 0,
                      *tools->Known(ListKind::kTools)->Find(std::string(70, 'n')), {});
  const RouteTable before(config, {nullptr, nullptr});
  EXPECT_TRUE(before.Resolve({}, name).value().unknown);
  const RouteTable after(config, {tools, nullptr});
  EXPECT_EQ(after.Resolve({}, name).value().name, std::string(70, 'n'));
  EXPECT_EQ(after.Resolve(ScopeOf(after, "git"), name).value().name, std::string(70, 'n'))
      << "LiteLLM's spelling";
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
    const auto route = table.ResolvePrompt(ScopeOf(table, server), name);
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
    return table.ResolvePrompt(ScopeOf(table, server), name).error().reason;
  };
  EXPECT_EQ(reason("", "tool"), Reason::kPromptNotFound);
  EXPECT_EQ(reason("", "both"), Reason::kPromptAmbiguous);
  EXPECT_NE(table.ResolvePrompt({}, "both").error().message.find("git-both web-both"),
            std::string::npos);
  EXPECT_TRUE(table.ResolvePrompt({}, "web-new").value().unknown);
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
    const Result<Route> route = table.ResolveResource({}, uri);
    EXPECT_TRUE(route) << uri;
    EXPECT_EQ(route->name, uri);
    return table.config().servers[route->server].name;
  };
  EXPECT_EQ(server("x:1"), "a");
  EXPECT_EQ(server("x:2"), "b") << "listed there, although a's template matches too";
  EXPECT_EQ(server("x:both"), "a") << "the first that has it";
  EXPECT_EQ(server("x:3"), "a") << "the first whose template matches";
  EXPECT_EQ(server("y:p/q"), "b");
  const Error error = table.ResolveResource({}, "z:1").error();
  EXPECT_EQ(error.reason, Reason::kResourceNotFound);
  EXPECT_EQ(InfoOf(error.reason).jsonrpc_code, -32002);
  EXPECT_NE(error.message.find("some servers could not be asked"), std::string::npos);
}

TEST(RouteTableTest, ANamedOrOnlyServerTakesEveryUri) {
  const Config two = TwoServers();
  const RouteTable table(two, {Resources({"x:1"}, {}), Resources({}, {})});
  EXPECT_EQ(table.ResolveResource(ScopeOf(table, "web"), "x:1").value().server, 1u);
  EXPECT_EQ(table.ResolveResource({}, "x:2").error().message, "Resource not found: x:2");
  const Config one = ConfigOf({"git"});
  EXPECT_EQ(RouteTable(one, {nullptr}).ResolveResource({}, "any:thing").value().server, 0u);
}

TEST(RouteTableTest, WhatIsOutsideOfTheScopeDoesNotExist) {
  const Config config = ConfigOf({"a", "b", "c"});
  const std::string long_name(70, 'n');
  const RouteTable table(config, {Tools({"both", "mine"}), Tools({"both", "yours"}),
                                  Tools({"both", "theirs", long_name})});
  const Scope scope = Scope::Of({1, 0});
  EXPECT_EQ(table.Resolve(scope, "mine").value().server, 0u);
  EXPECT_EQ(table.Resolve(scope, "b-both").value().server, 1u);
  const std::string listed =
      table.ListedName(ListKind::kTools, 2, *table.Known(2, ListKind::kTools)->Find(long_name), {});
  EXPECT_EQ(table.Resolve({}, listed).value().server, 2u);
  const auto message = [&](std::string_view name) {
    const auto route = table.Resolve(scope, name);
    return route ? "found" : route.error().message;
  };
  for (const std::string& name : {std::string("theirs"), std::string("c-theirs"), listed}) {
    EXPECT_EQ(message(name), "Unknown tool: " + name) << "in the words for any unknown one";
  }
  EXPECT_EQ(message("both"),
            "several servers have a tool named \"both\"; call it by one of: "
            "a-both b-both");
  EXPECT_EQ(table.Resolve(Scope::Of({2, 2}), "both").value().server, 2u);
}

TEST(RouteTableTest, ResourcesOfAScope) {
  const Config config = ConfigOf({"a", "b", "c"});
  const RouteTable table(config, {Resources({"x:1"}, {"y:{any}"}), Resources({"x:1"}, {"z:{any}"}),
                                  Resources({"x:1"}, {"y:{any}"})});
  const Scope scope = Scope::Of({1, 2});
  EXPECT_EQ(table.ResolveResource(scope, "x:1").value().server, 1u);
  EXPECT_EQ(table.ResolveResource(scope, "y:1").value().server, 2u);
  EXPECT_FALSE(table.ResolveResource(Scope::Of({0, 2}), "z:1"));
}

TEST(RouteTableTest, FurtherNamesOfAServerAreUnderstoodButNotListed) {
  Config config = TwoServers();
  config.servers[1].other_names = {"site"};
  const RouteTable table(config, {Tools({"log"}), Tools({"log"})});
  EXPECT_EQ(table.Resolve({}, "site-log").value().server, 1u);
  EXPECT_EQ(table.Resolve(Scope(1), "site-log").value().name, "log");
  EXPECT_EQ(table.ListedName(ListKind::kTools, 1, table.Known(1, ListKind::kTools)->entries[0], {}),
            "web-log");
}

}  // namespace
}  // namespace mcpbridge

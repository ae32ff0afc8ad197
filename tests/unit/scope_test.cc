#include "server/routing/scope.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/unit/catalogue_fixture.h"

namespace mcpbridge {
namespace {

class ScopeTest : public testing::Test {
 protected:
  ScopeTest() {
    config_.servers[0].access_groups = {"dev", "web"};
    config_.servers[2].access_groups = {"Dev"};
    config_.servers[1].other_names = {"github_mcp"};
  }

  // Its names; or the reason and message of the error.
  std::string Found(const ScopeNames& names) const {
    const Result<Scope> scope = FindScope(config_, names);
    if (scope) return "[" + scope->Names(config_) + "]";
    return std::string(InfoOf(scope.error().reason).name) + ": " + scope.error().message;
  }
  std::string Path(std::string_view path) const { return Found({.path = path}); }

  Config config_ = ConfigOf({"a", "git", "web"});
};

TEST_F(ScopeTest, PathsNameServersAndAccessGroups) {
  EXPECT_EQ(Path(""), "[]");
  EXPECT_EQ(Path("git"), "[git]");
  EXPECT_EQ(Path("github_mcp"), "[git]");
  EXPECT_EQ(Path("GIT"), "[git]");
  EXPECT_EQ(Path("GitHub_MCP"), "[git]");
  EXPECT_EQ(Path("web, a ,,A"), "[a,web]");
  EXPECT_EQ(Path("dev"), "[a,web]") << "capitals make no other group";
  EXPECT_EQ(Path("dev,git"), "[a,git,web]");
  EXPECT_EQ(Path("web"), "[web]") << "the server, not the group of its name";
  EXPECT_EQ(Path("nope"), "SERVER_NOT_FOUND: MCP server or access group 'nope' not found");
  EXPECT_EQ(Path("a,x,y"), "SERVER_NOT_FOUND: MCP server or access group 'x', 'y' not found");
}

TEST_F(ScopeTest, APathNamesSixteenAtTheMost) {
  std::string path = "a";
  for (int i = 1; i < 16; ++i) path += ",a";
  EXPECT_EQ(Path(path), "[a]");
  EXPECT_EQ(Path(path + ",a").substr(0, 15), "INVALID_REQUEST");
  EXPECT_EQ(Path(",").substr(0, 15), "INVALID_REQUEST");
}

TEST_F(ScopeTest, HeadersAddUpAndThePathWins) {
  EXPECT_EQ(Found({.servers = "Git,dev"}), "[a,git,web]");
  EXPECT_EQ(Found({.groups = "DEV"}), "[a,web]");
  EXPECT_EQ(Found({.servers = "git", .groups = "web"}), "[a,git]");
  EXPECT_EQ(Found({.path = "web", .servers = "git", .groups = "nope"}), "[web]");
  EXPECT_EQ(Found({.servers = "x"}), "SERVER_NOT_FOUND: MCP server or access group 'x' not found");
  EXPECT_EQ(Found({.groups = "git"}), "SERVER_NOT_FOUND: access group 'git' not found");
  for (const char* nothing : {"", " , "}) {
    EXPECT_EQ(Found({.servers = nothing}).substr(0, 15), "INVALID_REQUEST") << "never all instead";
    EXPECT_EQ(Found({.groups = nothing}).substr(0, 15), "INVALID_REQUEST");
  }
}

TEST_F(ScopeTest, ExactNamesGoFirst) {
  Config config = ConfigOf({"GIT", "git"});
  EXPECT_EQ(FindScope(config, {.path = "git"}).value().Names(config), "git");
  EXPECT_EQ(FindScope(config, {.path = "GIT"}).value().Names(config), "GIT");
}

TEST_F(ScopeTest, ContainsItsServersOnly) {
  const Scope some = Scope::Of({2, 0, 2});
  EXPECT_TRUE(some.Contains(0));
  EXPECT_FALSE(some.Contains(1));
  EXPECT_EQ(some.Servers(config_), (std::vector<std::size_t>{0, 2}));
  EXPECT_EQ(some.Only(config_), std::nullopt);
  EXPECT_EQ(Scope::Of({1, 1}).Only(config_), 1u);
  EXPECT_TRUE(Scope().Contains(1));
  EXPECT_EQ(Scope().Only(config_), std::nullopt);
  EXPECT_EQ(Scope().Only(ConfigOf({"one"})), 0u);
  EXPECT_EQ(Scope().Servers(config_), (std::vector<std::size_t>{0, 1, 2}));
}

}  // namespace
}  // namespace mcpbridge

#include "server/service/task_list.h"

#include <absl/strings/escaping.h>
#include <gtest/gtest.h>

#include "server/routing/task_route.h"

namespace mcpbridge {
namespace {

Config ThreeServers() {
  Config config;
  for (const char* name : {"a", "b", "c"}) {
    ServerConfig server;
    server.name = name;
    config.servers.push_back(std::move(server));
  }
  config.servers[1].other_names = {"bee"};
  return config;
}

TEST(TaskRouteTest, AmongSeveralAnIdSaysWhoseItIs) {
  const Config config = ThreeServers();
  for (std::size_t server = 0; server < config.servers.size(); ++server) {
    for (const char* own : {"t", "a-b-c", "", "1/2"}) {
      const std::string id = TaskPrefixOf(config, Scope(), server) + own;
      const Result<Route> route = ResolveTask(config, Scope(), id);
      ASSERT_TRUE(route) << id;
      EXPECT_EQ(route->server, server);
      EXPECT_EQ(route->name, own);
    }
  }
  const Scope some = Scope::Of({0, 2});
  EXPECT_EQ(TaskPrefixOf(config, some, 2), "c-");
  for (const char* id : {"b-t", "t", "", "-t", "x-t"}) {
    const Result<Route> route = ResolveTask(config, some, id);
    ASSERT_FALSE(route) << id;
    EXPECT_EQ(route.error().reason, Reason::kInvalidArguments);
  }
}

TEST(TaskRouteTest, OfOneServerIdsAreItsOwn) {
  const Config config = ThreeServers();
  EXPECT_EQ(TaskPrefixOf(config, Scope(1), 1), "");
  const Result<Route> route = ResolveTask(config, Scope(1), "b-t");
  ASSERT_TRUE(route);
  EXPECT_EQ(route->server, 1u);
  EXPECT_EQ(route->name, "b-t");
}

TEST(TaskListTest, ACursorHoldsThoseOfItsServers) {
  const Config config = ThreeServers();
  const TaskPositions positions = {{0, R"("x\u0000y")"}, {2, R"("")"}};
  for (const Scope& scope : {Scope(), Scope::Of({0, 2})}) {
    const auto again = ParseTaskCursor(config, scope, TaskCursorOf(config, scope, positions));
    ASSERT_TRUE(again);
    EXPECT_EQ(*again, positions);
  }
}

TEST(TaskListTest, OtherCursorsAreRefused) {
  const Config config = ThreeServers();
  const Scope scope = Scope::Of({0, 2});
  const auto encoded = [](std::string text) {
    for (char& c : text) c = c == '|' ? '\0' : c;
    return absl::WebSafeBase64Escape(text);
  };
  ASSERT_TRUE(ParseTaskCursor(config, scope, encoded("tasks|a,c|c|\"x\"")));
  for (const std::string& cursor :
       {std::string("!"), std::string("abc="), encoded(""), encoded("tasks|a,c"),
        encoded("tools|a,c|c|\"x\""), encoded("tasks||c|\"x\""), encoded("tasks|a,c|b|\"x\""),
        encoded("tasks|a,c|c|x"), encoded("tasks|a,c|c|\"x\",1"),
        encoded("tasks|a,c|c|\"x\"|c|\"y\""), encoded("tasks|a,c|c"),
        encoded("tasks|a,c|c|\"x\"|a"), TaskCursorOf(config, Scope(), {{0, R"("x")"}})}) {
    const auto positions = ParseTaskCursor(config, scope, cursor);
    ASSERT_FALSE(positions) << cursor;
    EXPECT_EQ(positions.error().reason, Reason::kInvalidArguments);
  }
}

}  // namespace
}  // namespace mcpbridge

// What differs between two configurations, and which places their servers have.

#include "server/config/difference.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/unit/config_fixture.h"

namespace mcpbridge {
namespace {

using namespace config_fixture;

Config Of(const std::vector<std::string>& names) {
  Config config;
  for (const std::string& name : names) {
    ServerConfig& server = config.servers.emplace_back();
    server.name = name;
    server.url = "http://" + name + "/mcp";
  }
  return config;
}

// "b? a c": by place, with a question mark behind those that are absent.
std::string PlacesOf(const Config& config) {
  std::string text;
  for (const ServerConfig& server : config.servers) {
    text += (text.empty() ? "" : " ") + server.name + (server.absent ? "?" : "");
  }
  return text;
}

std::string InOrder(const Config& config) {
  std::string text;
  for (std::size_t i = 0; i < config.server_count(); ++i) {
    text += config.servers[config.IndexAt(i)].name;
  }
  return text;
}

TEST(ConfigDifferenceTest, ANameKeepsItsPlaceWhateverComesAndGoes) {
  const Config first = Of({"b", "d"});
  const Config second = Placed(Of({"a", "b", "c"}), first);
  EXPECT_EQ(PlacesOf(second), "b d? a c");
  EXPECT_EQ(InOrder(second), "abc");
  const Config third = Placed(Of({"c", "d"}), second);
  EXPECT_EQ(PlacesOf(third), "b? d a? c");
  EXPECT_EQ(InOrder(third), "cd");
  EXPECT_EQ(third.servers[1].url, "http://d/mcp");
  EXPECT_TRUE(Placed(Of({"b", "d"}), first).order.empty()) << "as they stand";
}

TEST(ConfigDifferenceTest, SaysWhatItComesTo) {
  const Config running = Of({"a", "b", "c", "d"});
  Config wanted = Of({"a", "b", "d", "e"});
  wanted.servers[1].timeout = std::chrono::seconds(1);
  wanted.servers[2].headers = {{"authorization", "s3cr3t"}};
  EXPECT_EQ(ChangesOf(running, Placed(wanted, running)).ToString(),
            "1 added (e), 1 changed (d), 1 adjusted (b), 1 removed (c), 1 kept");
  EXPECT_EQ(ChangesOf(running, Placed(running, running)).ToString(), "4 kept");
}

TEST(ConfigDifferenceTest, WhatOnlyAStartCanChangeIsRefusedWhereItStands) {
  const Config running;
  const auto check = [&](const Config& wanted) {
    return NeedsRestart(running.bridge, wanted.bridge, "f.yaml");
  };
  const std::string rest = "bridge:\n  lanes: 3\n  limits:\n    request_bytes: 1MiB\n";
  EXPECT_EQ(
      ErrorsOf(ParseConfig(WithServer(rest), "f.yaml", TestEnv(), check)),
      "f.yaml:4: bridge.lanes: can't be changed while the bridge runs: it needs a restart\n"
      "f.yaml:6: bridge.limits.request_bytes: can't be changed while the bridge runs: it needs a "
      "restart\n");
  const std::string harmless =
      "bridge:\n  log_level: debug\n  reload: signal\n  limits: {sessions: 7, call_timeout: 1s}\n";
  const Config good = Good(ParseConfig(WithServer(harmless), "f.yaml", TestEnv(), check));
  EXPECT_EQ(good.bridge.reload, ReloadOn::kSignal);
}

TEST(ConfigDifferenceTest, ReloadIsOneOfThreeWords) {
  EXPECT_EQ(ErrorsOf(ParseConfig(WithServer("bridge: {reload: never}\n"), "f.yaml", TestEnv())),
            "f.yaml:3: bridge.reload: expected one of auto, signal, off\n");
}

}  // namespace
}  // namespace mcpbridge

// Processes of either era: which version a server speaks is never tried at the process that serves.

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <regex>
#include <string>
#include <vector>

#include "tests/fakes/temp_folder.h"
#include "tests/fakes/test_http.h"
#include "tests/integration/bridge_fixture.h"

namespace mcpbridge::test {
namespace {

Config StdioConfig(std::vector<std::string> args, Protocol protocol = Protocol::kAuto) {
  Config config = ConfigWith({{"fake", "http://unused"}});
  config.servers[0].transport = TransportKind::kStdio;
  config.servers[0].command = FAKE_STDIO_SERVER;
  config.servers[0].args = std::move(args);
  config.servers[0].protocol = protocol;
  return config;
}

// The id of the process that answers a caller without a session, as text.
std::string PidOf(const std::string& body) {
  static const std::regex kPid(R"re("text":"([0-9]+) )re");
  std::smatch match;
  return std::regex_search(body, match, kPid) ? match[1].str() : "none: " + body;
}

std::string LegacyPid(const Bridge& bridge) {
  return PidOf(TestHttpClient(bridge.http_port()).Post(CallMessage("1", "pids", "")).body);
}

std::string ModernPid(const Bridge& bridge) {
  return PidOf(
      TestHttpClient(bridge.http_port())
          .Post(
              R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"pids","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}})",
              {{"MCP-Protocol-Version", "2026-07-28"},
               {"Mcp-Method", "tools/call"},
               {"Mcp-Name", "pids"}})
          .body);
}

TEST(StdioEraTest, AProbeThatEndsTheServerEndsNothingThatServes) {
  Bridge bridge(StdioConfig({"--era=legacy", "--exit_at_probe"}));
  ASSERT_TRUE(bridge.WaitForTools("fake"));
  const std::string pid = LegacyPid(bridge);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(ModernPid(bridge), pid) << "translated";
  EXPECT_EQ(LegacyPid(bridge), pid);
}

TEST(StdioEraTest, AServerOfBothErasHasAProcessForEach) {
  Bridge bridge(StdioConfig({"--era=dual"}));
  ASSERT_TRUE(bridge.WaitForTools("fake"));
  const std::string legacy = LegacyPid(bridge);
  const std::string modern = ModernPid(bridge);
  EXPECT_NE(legacy, modern);
  EXPECT_EQ(ModernPid(bridge), modern) << "all modern callers share it";
  EXPECT_EQ(LegacyPid(bridge), legacy);
}

TEST(StdioEraTest, WhereOneEraIsConfiguredThereIsOneProcess) {
  for (const Protocol protocol : {Protocol::kLegacy, Protocol::kModern}) {
    Bridge bridge(StdioConfig({"--era=dual"}, protocol));
    ASSERT_TRUE(bridge.WaitForTools("fake"));
    const std::string pid = LegacyPid(bridge);
    EXPECT_EQ(ModernPid(bridge), pid);
    EXPECT_EQ(bridge.app().status().Of("fake").protocol_version,
              protocol == Protocol::kModern ? "2026-07-28" : "2025-11-25");
  }
}

// What a server declares in that era is asked of a process of its own: not of each for every
// client.
TEST(StdioEraTest, OfSeveralServersNoProcessIsStartedToAskWhatTheyAre) {
  const TempFolder folder;
  const std::string started = folder.path() + "/started";
  Config config = ConfigWith({{"a", "http://unused"}, {"b", "http://unused"}});
  for (ServerConfig& server : config.servers) {
    server.transport = TransportKind::kStdio;
    server.command = "/bin/sh";
    server.args = {"-c", "echo >>" + started + "; exec " FAKE_STDIO_SERVER " --era=dual"};
  }
  Bridge bridge(config);
  ASSERT_TRUE(bridge.WaitForTools("a"));
  ASSERT_TRUE(bridge.WaitForTools("b"));
  const TestResponse discover =
      TestHttpClient(bridge.http_port())
          .Post(
              R"({"jsonrpc":"2.0","id":1,"method":"server/discover","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}})",
              {{"MCP-Protocol-Version", "2026-07-28"}, {"Mcp-Method", "server/discover"}});
  EXPECT_NE(discover.body.find(R"("capabilities":{"tools":{)"), std::string::npos) << discover.body;
  std::ifstream lines(started);
  EXPECT_EQ(std::count(std::istreambuf_iterator<char>(lines), {}, '\n'), 2);
}

TEST(StdioEraTest, ACrashOfTheModernProcessIsHealed) {
  Bridge bridge(StdioConfig({"--era=modern"}));
  ASSERT_TRUE(bridge.WaitForTools("fake"));
  const std::string before = ModernPid(bridge);
  EXPECT_EQ(ReasonOf(TestHttpClient(bridge.http_port()).Post(CallMessage("1", "crash", "")).body),
            "UPSTREAM_LOST");
  ASSERT_TRUE(bridge.WaitForTools("fake"));
  const std::string after = ModernPid(bridge);
  EXPECT_TRUE(std::regex_match(after, std::regex("[0-9]+"))) << after;
  EXPECT_NE(after, before);
}

}  // namespace
}  // namespace mcpbridge::test

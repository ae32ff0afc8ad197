// mcp-bridge as a process: flags, signals, and what it leaves behind.

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <regex>
#include <string>
#include <thread>

#include "tests/fakes/fake_mcp_server.h"
#include "tests/fakes/temp_folder.h"
#include "tests/fakes/test_http.h"
#include "tests/fakes/test_process.h"

namespace mcpbridge {
namespace {

constexpr std::chrono::seconds kPatience{30};

constexpr char kAnyPorts[] =
    "bridge: {http_listen: \"127.0.0.1:0\", grpc_listen: \"127.0.0.1:0\", admin_listen: off, "
    "lanes: 2, "
    "log_level: error}\n";

std::string HttpConfig(const FakeMcpServer& upstream) {
  return "mcp_servers: {fake: {url: \"" + upstream.url() + "\"}}\n" + kAnyPorts;
}

std::string StdioConfig(const std::string& args) {
  return "mcp_servers: {child: {command: \"" MCP_DEMO_SERVER "\", args: [" + args + "]}}\n" +
         kAnyPorts;
}

// The port in "ready http=127.0.0.1:PORT grpc=...".
std::uint16_t ReadyPort(TestProcess& bridge) {
  const std::optional<std::string> line = bridge.ReadLine(kPatience);
  std::smatch match;
  if (!line ||
      !std::regex_search(*line, match, std::regex("^ready http=127.0.0.1:([0-9]+) grpc="))) {
    ADD_FAILURE() << line.value_or("nothing was printed");
    return 0;
  }
  return static_cast<std::uint16_t>(std::stoi(match[1]));
}

std::string Call(const std::string& tool, const std::string& arguments) {
  return R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":")" + tool +
         R"(","arguments":)" + arguments + "}}";
}

// Children of `parent`, by /proc.
std::vector<pid_t> ChildrenOf(pid_t parent) {
  std::vector<pid_t> children;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    std::ifstream file(entry.path() / "stat");
    std::string text;
    std::getline(file, text);
    const std::size_t end = text.rfind(')');
    if (end == std::string::npos) continue;
    if (std::stoi(text.substr(end + 4)) == parent) {
      children.push_back(std::stoi(entry.path().filename()));
    }
  }
  return children;
}

// Waits until no process has this id, or it is a zombie that nobody here can reap.
bool IsGone(pid_t pid) {
  const auto give_up = std::chrono::steady_clock::now() + kPatience;
  while (std::chrono::steady_clock::now() < give_up) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    std::string text;
    if (!std::getline(file, text) || text[text.rfind(')') + 2] == 'Z') return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));  // polling, bounded by kPatience
  }
  return false;
}

class ProcessTest : public testing::Test {
 protected:
  const TempFolder folder_;
};

TEST_F(ProcessTest, ChecksAConfigurationAndStartsNothing) {
  const std::string good = folder_.Write("good.yaml", StdioConfig(""));
  TestProcess check({MCP_BRIDGE, "--config=" + good, "--check_config"});
  EXPECT_EQ(check.Wait(kPatience), 0);
  const std::string bad =
      folder_.Write("bad.yaml", "mcp_servers: {a: {url: \"http://h/\", nonsense: 1}}\n");
  TestProcess refuse({MCP_BRIDGE, "--config=" + bad, "--check_config"});
  EXPECT_EQ(refuse.Wait(kPatience), 2);
  TestProcess missing({MCP_BRIDGE, "--config=/nonexistent.yaml"});
  EXPECT_EQ(missing.Wait(kPatience), 2);
  TestProcess no_flag({MCP_BRIDGE});
  EXPECT_EQ(no_flag.Wait(kPatience), 2);
}

TEST_F(ProcessTest, ListensBeyondThisMachineOnlyWhenAskedToInWords) {
  const std::string config = folder_.Write("config.yaml", StdioConfig(""));
  TestProcess open({MCP_BRIDGE, "--config=" + config, "--http_listen=0.0.0.0:0", "--check_config"});
  EXPECT_EQ(open.Wait(kPatience), 2);
  TestProcess asked({MCP_BRIDGE, "--config=" + config, "--http_listen=0.0.0.0:0",
                     "--allow_unauthenticated", "--check_config"});
  EXPECT_EQ(asked.Wait(kPatience), 0);
}

TEST_F(ProcessTest, SaysWhereOperatorsConnect) {
  const std::string config = folder_.Write("config.yaml", StdioConfig(""));
  TestProcess bridge({MCP_BRIDGE, "--config=" + config, "--admin_listen=127.0.0.1:0"});
  const std::string line = bridge.ReadLine(kPatience).value_or("");
  std::smatch match;
  ASSERT_TRUE(std::regex_match(line, match,
                               std::regex("ready http=\\S+ grpc=\\S+ admin=127.0.0.1:([0-9]+)")))
      << line;
  TestHttpClient client(static_cast<std::uint16_t>(std::stoi(match[1])));
  EXPECT_EQ(client.Request("GET", "/healthz", "").body, "ok\n");
  TestProcess off({MCP_BRIDGE, "--config=" + config, "--admin_listen=off"});
  EXPECT_EQ(off.ReadLine(kPatience).value_or("").find("admin"), std::string::npos);
  TestProcess open({MCP_BRIDGE, "--config=" + config, "--admin_listen=:0", "--check_config"});
  EXPECT_EQ(open.Wait(kPatience), 2);
}

TEST_F(ProcessTest, SigtermLetsTheCallUnderWayFinish) {
  FakeMcpServer upstream;
  FakeAnswer held;
  held.hold = true;
  upstream.OnTool("echo", held);
  const std::string config = folder_.Write("config.yaml", HttpConfig(upstream));
  TestProcess bridge({MCP_BRIDGE, "--config=" + config});
  TestHttpClient client(ReadyPort(bridge));
  client.Send(Call("echo", R"({"text":"last words"})"));
  ASSERT_TRUE(
      upstream.WaitFor([](const auto& record) { return record.held.size() == 1; }, kPatience));
  bridge.Signal(SIGTERM);
  upstream.ReleaseAll();
  EXPECT_NE(client.Receive().body.find("last words"), std::string::npos);
  EXPECT_EQ(bridge.Wait(kPatience), 0);
}

TEST_F(ProcessTest, ASecondSignalExitsAtOnce) {
  FakeMcpServer upstream;
  FakeAnswer hung;
  hung.never = true;
  upstream.OnTool("echo", hung);
  const std::string config = folder_.Write("config.yaml", HttpConfig(upstream));
  TestProcess bridge({MCP_BRIDGE, "--config=" + config});
  const std::uint16_t port = ReadyPort(bridge);
  TestHttpClient client(port);
  client.Send(Call("echo", "{}"));
  ASSERT_TRUE(upstream.WaitFor([](const auto& record) { return record.CountCalls("echo") == 1; },
                               kPatience));
  const auto begin = std::chrono::steady_clock::now();
  bridge.Signal(SIGINT);
  // It is stopping, and waiting for the call, once it takes no more connections.
  while (TestHttpClient(port).Request("GET", "/healthz", "").status != 0) std::this_thread::yield();
  bridge.Signal(SIGINT);
  EXPECT_EQ(bridge.Wait(kPatience), 1);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(15))
      << "the grace is 20 s";
}

TEST_F(ProcessTest, ASignalDuringTheStartStopsIt) {
  FakeMcpServer upstream;
  const std::string config = folder_.Write("config.yaml", HttpConfig(upstream));
  for (int ms = 0; ms < 30; ms += 3) {
    TestProcess bridge({MCP_BRIDGE, "--config=" + config});
    std::this_thread::sleep_for(
        std::chrono::milliseconds(ms));  // where in the start, not until when
    bridge.Signal(SIGTERM);
    const std::optional<int> end = bridge.Wait(kPatience);
    // Before it has blocked the signal, its default ends the process: that is a stop, too.
    EXPECT_TRUE(end == 0 || end == -SIGTERM) << end.value_or(-999) << " after " << ms << " ms";
  }
}

TEST_F(ProcessTest, NoChildOutlivesTheBridgeHoweverItEnds) {
  const std::string config = folder_.Write("config.yaml", StdioConfig(""));
  for (const int signal : {SIGTERM, SIGKILL}) {
    TestProcess bridge({MCP_BRIDGE, "--config=" + config});
    TestHttpClient client(ReadyPort(bridge));
    EXPECT_NE(client.Post(Call("echo", R"({"text":"over stdio"})")).body.find("over stdio"),
              std::string::npos);
    const std::vector<pid_t> children = ChildrenOf(bridge.pid());
    ASSERT_EQ(children.size(), 1u);
    client.Close();
    bridge.Signal(signal);
    EXPECT_EQ(bridge.Wait(kPatience), signal == SIGTERM ? 0 : -SIGKILL);
    EXPECT_TRUE(IsGone(children[0])) << "after signal " << signal;
  }
}

}  // namespace
}  // namespace mcpbridge

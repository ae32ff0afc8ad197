// mcp-bridge as a process: flags, signals, and what it leaves behind.

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <regex>
#include <string>
#include <thread>

#include "tests/fakes/eventually.h"
#include "tests/fakes/fake_mcp_server.h"
#include "tests/fakes/temp_folder.h"
#include "tests/fakes/test_http.h"
#include "tests/fakes/test_process.h"
#include "tests/fakes/test_redis.h"

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

// Where it listens, as it says itself.
struct Ready {
  std::uint16_t http = 0;
  std::string grpc;
};

Ready WaitUntilReady(TestProcess& bridge) {
  const std::optional<std::string> line = bridge.ReadLine(kPatience);
  std::smatch match;
  const std::regex pattern(R"(^ready http=127\.0\.0\.1:([0-9]+) grpc=(\S+)$)");
  if (!line || !std::regex_search(*line, match, pattern)) {
    ADD_FAILURE() << line.value_or("nothing was printed");
    return {};
  }
  return {.http = static_cast<std::uint16_t>(std::stoi(match[1])), .grpc = match[2]};
}

std::uint16_t ReadyPort(TestProcess& bridge) { return WaitUntilReady(bridge).http; }

// The exit code of `mcp-bridge healthcheck` with these flags.
std::optional<int> Healthcheck(std::vector<std::string> flags) {
  flags.insert(flags.begin(), {MCP_BRIDGE, "healthcheck"});
  TestProcess check(flags);
  return check.Wait(kPatience);
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
  return Eventually([pid] {
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    std::string text;
    return !std::getline(file, text) || text[text.rfind(')') + 2] == 'Z';
  });
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

TEST_F(ProcessTest, AHealthcheckAsksARunningBridgeAndNeedsNoKey) {
  const std::string config =
      folder_.Write("config.yaml", StdioConfig("") + "general_settings: {master_key: secret}\n");
  TestProcess bridge({MCP_BRIDGE, "--config=" + config});
  const Ready ready = WaitUntilReady(bridge);
  const std::string at = "--grpc_listen=" + ready.grpc;
  EXPECT_EQ(Healthcheck({at}), 0);
  EXPECT_EQ(Healthcheck({at, "--service=mcpbridge.v1.ToolService", "--timeout=5s"}), 0);
  EXPECT_EQ(Healthcheck({at, "--service=mcp.nobody"}), 1);
  // All addresses of the machine are asked on this one, and no file is read where a flag says
  // where.
  const std::string port = ready.grpc.substr(ready.grpc.rfind(':'));
  EXPECT_EQ(Healthcheck({"--grpc_listen=0.0.0.0" + port, "--config=/nonexistent.yaml"}), 0);
  EXPECT_EQ(Healthcheck({"--grpc_listen=localhost" + port}), 0);
  const std::string file =
      folder_.Write("there.yaml", "mcp_servers: {a: {command: x}}\nbridge: {grpc_listen: \"" +
                                      ready.grpc + "\"}\n");
  EXPECT_EQ(Healthcheck({"--config=" + file}), 0);
  bridge.Signal(SIGTERM);
  EXPECT_EQ(bridge.Wait(kPatience), 0);
  EXPECT_EQ(Healthcheck({at}), 1) << "nobody listens";
}

TEST_F(ProcessTest, AHealthcheckTakesAUnixSocket) {
  const std::string config = folder_.Write("config.yaml", StdioConfig(""));
  const std::string at = "--grpc_listen=unix:" + folder_.path() + "/bridge.sock";
  TestProcess bridge({MCP_BRIDGE, "--config=" + config, at});
  WaitUntilReady(bridge);
  EXPECT_EQ(Healthcheck({at}), 0);
}

TEST_F(ProcessTest, AHealthcheckDoesNotOutwaitItsTimeout) {
  const int silent = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* const raw = reinterpret_cast<sockaddr*>(&address);
  ASSERT_EQ(::bind(silent, raw, size), 0);
  ASSERT_EQ(::listen(silent, 1), 0);  // connections are made, and nothing ever comes
  ASSERT_EQ(::getsockname(silent, raw, &size), 0);
  const std::string at = "--grpc_listen=127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(Healthcheck({at, "--timeout=200ms"}), 1);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(200));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, kPatience / 2);
  ::close(silent);
}

TEST_F(ProcessTest, AHealthcheckWhileItDrainsSaysNo) {
  FakeMcpServer upstream;
  FakeAnswer held;
  held.hold = true;
  upstream.OnTool("echo", held);
  const std::string config = folder_.Write("config.yaml", HttpConfig(upstream));
  TestProcess bridge({MCP_BRIDGE, "--config=" + config});
  const Ready ready = WaitUntilReady(bridge);
  TestHttpClient client(ready.http);
  client.Send(Call("echo", "{}"));
  ASSERT_TRUE(
      upstream.WaitFor([](const auto& record) { return record.held.size() == 1; }, kPatience));
  EXPECT_EQ(Healthcheck({"--grpc_listen=" + ready.grpc}), 0);
  bridge.Signal(SIGTERM);
  while (TestHttpClient(ready.http).Request("GET", "/healthz", "").status != 0) {
    std::this_thread::yield();  // until it takes no more connections
  }
  EXPECT_EQ(Healthcheck({"--grpc_listen=" + ready.grpc}), 1);
  upstream.ReleaseAll();
  EXPECT_EQ(bridge.Wait(kPatience), 0);
}

TEST_F(ProcessTest, AHealthcheckThatIsWrittenWrongIsTwo) {
  EXPECT_EQ(Healthcheck({"--grpc_listen=nowhere"}), 2);
  EXPECT_EQ(Healthcheck({"--grpc_listen=127.0.0.1:0"}), 2);
  EXPECT_EQ(Healthcheck({"--config=/nonexistent.yaml"}), 2);
  EXPECT_EQ(Healthcheck({"--timeout=0s"}), 2);
  EXPECT_EQ(Healthcheck({"and", "more"}), 2);
  const std::string config = folder_.Write("config.yaml", StdioConfig(""));
  TestProcess serve({MCP_BRIDGE, "--config=" + config, "--service=mcp.child", "--check_config"});
  EXPECT_EQ(serve.Wait(kPatience), 2) << "a flag that would do nothing";
}

// Its client goes on at another bridge, in the session that it had.
TEST_F(ProcessTest, AKilledBridgesSessionsGoOnAtAnother) {
  FakeMcpServer upstream;
  const TestRedis redis(folder_.path());
  const std::string config = folder_.Write(
      "config.yaml", "mcp_servers: {fake: {url: \"" + upstream.url() +
                         "\"}}\nbridge: {http_listen: \"127.0.0.1:0\", grpc_listen: "
                         "\"127.0.0.1:0\", admin_listen: off, lanes: 2, "
                         "log_level: error, session_key: os.environ/SESSION_KEY, session_store: "
                         "os.environ/STORE}\n");
  const std::vector<std::string> environment{
      "SESSION_KEY=0123456789abcdef0123456789abcdef",
      "STORE=redis+unix://" + TestRedis::SocketIn(folder_.path())};
  TestProcess first({MCP_BRIDGE, "--config=" + config}, environment);
  TestProcess second({MCP_BRIDGE, "--config=" + config}, environment);
  TestHttpClient client(ReadyPort(first));
  TestHttpClient elsewhere(ReadyPort(second));
  const TestHttpClient::Headers session{
      {"Mcp-Session-Id",
       client
           .Post(R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":)"
                 R"("2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}})")
           .headers["mcp-session-id"]}};
  EXPECT_NE(client.Post(Call("echo", R"({"text":"before"})"), session).body.find("before"),
            std::string::npos);
  FakeAnswer hung;
  hung.never = true;
  upstream.OnTool("slow", hung);
  client.Send(Call("slow", "{}"), session);
  ASSERT_TRUE(upstream.WaitFor([](const auto& record) { return record.CountCalls("slow") == 1; },
                               kPatience));
  first.Signal(SIGKILL);
  EXPECT_EQ(first.Wait(kPatience), -SIGKILL);
  EXPECT_EQ(client.Receive().status, 0);
  const TestResponse after = elsewhere.Post(Call("echo", R"({"text":"after"})"), session);
  EXPECT_EQ(after.status, 200);
  EXPECT_NE(after.body.find("after"), std::string::npos) << after.body;
  second.Signal(SIGTERM);
  EXPECT_EQ(second.Wait(kPatience), 0);
}

// As a container runs it: number 1 of a PID namespace of its own, of which number 1's parent is
// `bridge`. Its process is found by /proc from outside, where it has another number.
class InitTest : public ProcessTest {
 protected:
  void SetUp() override {
    std::vector<std::string> probe = kUnshare;
    probe.emplace_back("/bin/true");
    TestProcess allowed(probe);
    if (allowed.Wait(kPatience) != 0) GTEST_SKIP() << "no PID namespace may be made here";
  }

  std::unique_ptr<TestProcess> Start(const std::string& config) {
    std::vector<std::string> arguments = kUnshare;
    arguments.insert(arguments.end(), {MCP_BRIDGE, "--config=" + config});
    return std::make_unique<TestProcess>(arguments);
  }

  const std::vector<std::string> kUnshare = {"/usr/bin/unshare", "--map-root-user", "--pid",
                                             "--fork",           "--kill-child",    "--mount-proc"};
};

TEST_F(InitTest, OrphansOfAServerLeaveNoZombies) {
  const std::string config = folder_.Write("config.yaml",
                                           "mcp_servers: {child: {command: /bin/sh, args: [-c, "
                                           "\"(setsid sleep 1000 </dev/null >/dev/null "
                                           "2>&1 &); exec " MCP_DEMO_SERVER "\"]}}\n" +
                                               std::string(kAnyPorts));
  const auto bridge = Start(config);
  TestHttpClient client(ReadyPort(*bridge));
  EXPECT_NE(client.Post(Call("echo", R"({"text":"here"})")).body.find("here"), std::string::npos);
  ASSERT_EQ(ChildrenOf(bridge->pid()).size(), 1u);
  const pid_t init = ChildrenOf(bridge->pid())[0];
  const auto orphans = [init] {
    std::vector<pid_t> found;
    for (const pid_t child : ChildrenOf(init)) {
      std::ifstream file("/proc/" + std::to_string(child) + "/comm");
      std::string name;
      if (std::getline(file, name) && name == "sleep") found.push_back(child);
    }
    return found;
  };
  ASSERT_TRUE(Eventually([&] { return orphans().size() == 1; }));
  kill(orphans()[0], SIGKILL);
  EXPECT_TRUE(Eventually([&] { return orphans().empty(); })) << "its exit status has been taken";
  EXPECT_NE(client.Post(Call("echo", R"({"text":"on"})")).body.find("on"), std::string::npos);
  kill(init, SIGTERM);
  EXPECT_EQ(bridge->Wait(kPatience), 0);
}

TEST_F(InitTest, SignalsAndExitCodesPassThrough) {
  FakeMcpServer upstream;
  const auto bridge = Start(folder_.Write("config.yaml", HttpConfig(upstream)));
  ASSERT_NE(ReadyPort(*bridge), 0);
  ASSERT_EQ(ChildrenOf(bridge->pid()).size(), 1u);
  const pid_t init = ChildrenOf(bridge->pid())[0];
  ASSERT_EQ(ChildrenOf(init).size(), 1u);
  kill(ChildrenOf(init)[0], SIGKILL);
  EXPECT_EQ(bridge->Wait(kPatience), 128 + SIGKILL);
  const auto wrong = Start(folder_.Write("wrong.yaml", "mcp_servers: 1\n"));
  EXPECT_EQ(wrong->Wait(kPatience), 2);
}

}  // namespace
}  // namespace mcpbridge

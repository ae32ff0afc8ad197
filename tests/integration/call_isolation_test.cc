// isolation: call: each call has a session, or a process, of its own.

#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "tests/fakes/fake_mcp_server.h"
#include "tests/fakes/test_http.h"
#include "tests/integration/bridge_fixture.h"

namespace mcpbridge::test {
namespace {

using Headers = TestHttpClient::Headers;

constexpr char kInitialize[] =
    R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18",)"
    R"("capabilities":{},"clientInfo":{"name":"tester","version":"1"}}})";

TEST(CallIsolationTest, EachCallHasASessionThatEndsWithIt) {
  FakeMcpServer upstream;
  Config config = ConfigWith({{"fake", upstream.url()}});
  config.servers[0].isolation = Isolation::kCall;
  Bridge bridge(config);
  ASSERT_TRUE(bridge.WaitForTools("fake"));
  TestHttpClient client(bridge.http_port());
  const Headers session{{"mcp-session-id", client.Post(kInitialize).headers.at("mcp-session-id")}};
  for (int i = 1; i <= 4; ++i) {
    const TestResponse answer =
        client.Post(CallMessage("1", "echo", "hello"), i % 2 == 0 ? session : Headers{});
    EXPECT_NE(answer.body.find("hello"), std::string::npos) << answer.body;
    EXPECT_EQ(upstream.Snapshot().sessions_opened, 1 + i) << "and the one for lists";
    const std::string mine = upstream.Snapshot().LastCall().Header("mcp-session-id");
    EXPECT_TRUE(upstream.WaitFor(
        [&](const FakeMcpServer::Record& record) {
          return record.Count("DELETE") == static_cast<std::size_t>(i) &&
                 record.requests.back().Header("mcp-session-id") == mine;
        },
        kPatience));
  }
  const std::string level =
      R"({"jsonrpc":"2.0","id":1,"method":"logging/setLevel","params":{"level":"info"}})";
  EXPECT_EQ(ReasonOf(client.Post(level, session).body), "METHOD_NOT_FOUND");
}

TEST(CallIsolationTest, OneCallsEndIsNobodyElses) {
  FakeMcpServer upstream;
  FakeAnswer held;
  held.hold = true;
  upstream.OnTool("slow", held);
  Config config = ConfigWith({{"fake", upstream.url()}});
  config.servers[0].isolation = Isolation::kCall;
  Bridge bridge(config);
  ASSERT_TRUE(bridge.WaitForTools("fake"));
  TestHttpClient leaves(bridge.http_port());
  TestHttpClient stays(bridge.http_port());
  leaves.Send(CallMessage("1", "slow", "a"));
  stays.Send(CallMessage("1", "slow", "b"));
  ASSERT_TRUE(
      upstream.WaitFor([](const auto& record) { return record.held.size() == 2; }, kPatience));
  leaves.Close();
  ASSERT_TRUE(upstream.WaitFor(
      [](const auto& record) { return record.Count("DELETE") == 1 && record.cancels.size() == 1; },
      kPatience));
  upstream.ReleaseAll();
  EXPECT_NE(stays.Receive().body.find("\"result\""), std::string::npos);
}

Config StdioConfig() {
  Config config = ConfigWith({{"demo", "http://unused"}});
  config.servers[0].transport = TransportKind::kStdio;
  config.servers[0].command = MCP_DEMO_SERVER;
  config.servers[0].isolation = Isolation::kCall;
  config.bridge.limits.client_processes = 1;
  return config;
}

TEST(CallIsolationTest, ProcessesAreBounded) {
  Bridge bridge(StdioConfig());
  ASSERT_TRUE(bridge.WaitForTools("demo"));
  TestHttpClient long_call(bridge.http_port());
  TestHttpClient client(bridge.http_port());
  const auto eventually = [&](const std::string& reason) {
    const auto give_up = std::chrono::steady_clock::now() + kPatience;
    std::string last;
    do {
      last = ReasonOf(client.Post(CallMessage("1", "echo", "x")).body);
    } while (last != reason && std::chrono::steady_clock::now() < give_up);
    return last == reason;
  };
  EXPECT_TRUE(eventually(""));
  long_call.Send(
      R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"sleep","arguments":{"ms":60000}}})");
  EXPECT_TRUE(eventually("OVERLOADED")) << "the sleeping call has the only process there may be";
  long_call.Close();
  EXPECT_TRUE(eventually("")) << "which ended with it";
}

}  // namespace
}  // namespace mcpbridge::test

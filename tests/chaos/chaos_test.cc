// Faults in the middle of concurrent calls: what breaks breaks alone.

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/fakes/fake_mcp_server.h"
#include "tests/fakes/test_http.h"
#include "tests/integration/bridge_fixture.h"

namespace mcpbridge::test {
namespace {

Config WithStdio(Config config, const std::string& name, std::vector<std::string> args) {
  ServerConfig server;
  server.name = name;
  server.transport = TransportKind::kStdio;
  server.command = FAKE_STDIO_SERVER;
  server.args = std::move(args);
  config.servers.push_back(std::move(server));
  std::sort(config.servers.begin(), config.servers.end(),
            [](const ServerConfig& a, const ServerConfig& b) { return a.name < b.name; });
  return config;
}

std::string Message(const std::string& tool, const std::string& arguments) {
  return R"({"jsonrpc":"2.0","id":"same","method":"tools/call","params":{"name":")" + tool +
         R"(","arguments":)" + arguments + "}}";
}

std::unique_ptr<TestHttpClient> Send(const Bridge& bridge, const std::string& tool,
                                     const std::string& arguments,
                                     const TestHttpClient::Headers& headers = {}) {
  auto client = std::make_unique<TestHttpClient>(bridge.http_port());
  client->Send(Message(tool, arguments), headers);
  return client;
}

TEST(ChaosTest, OneChildCarriesManyCallsAndLosesNone) {
  Bridge bridge(WithStdio(ConfigWith({}), "child", {}));
  ASSERT_TRUE(bridge.WaitForTools("child"));
  std::mt19937 random(20260323);
  std::vector<std::unique_ptr<TestHttpClient>> clients;
  std::vector<bool> leaves;
  std::size_t left = 0;
  constexpr int kCalls = 150;
  // Each sleeps for a time of its own, which is how its answer is known; a third of the callers
  // leave.
  for (int i = 0; i < kCalls; ++i) {
    clients.push_back(Send(bridge, "sleep", R"({"ms":)" + std::to_string(3000 + i) + "}"));
    leaves.push_back(random() % 3 == 0);
  }
  // All have come in; and once each lane has answered one more, the child has read all before it.
  while (bridge.app().service().gate().count() < kCalls) std::this_thread::yield();
  for (int lane = 0; lane < 2; ++lane) {
    TestHttpClient(bridge.http_port()).Post(Message("echo", R"({"text":"flush"})"));
  }
  for (std::size_t i = 0; i < clients.size(); ++i) {
    if (!leaves[i]) continue;
    clients[i]->Close();
    ++left;
  }
  for (std::size_t i = 0; i < clients.size(); ++i) {
    if (leaves[i]) continue;
    const std::string body = clients[i]->Receive().body;
    EXPECT_NE(body.find("slept " + std::to_string(3000 + i) + "\""), std::string::npos) << body;
    EXPECT_NE(body.find("\"id\":\"same\""), std::string::npos) << body;
  }
  // Told once about each: an id a line.
  const auto lines = [&bridge] {
    const std::string body = TestHttpClient(bridge.http_port()).Post(Message("cancels", "{}")).body;
    std::size_t count = 0;
    for (std::size_t at = body.find("\\u000a"); at != std::string::npos;
         at = body.find("\\u000a", at + 1)) {
      ++count;
    }
    return count;
  };
  const auto give_up = std::chrono::steady_clock::now() + kPatience;
  while (lines() < left && std::chrono::steady_clock::now() < give_up) std::this_thread::yield();
  EXPECT_EQ(lines(), left);
}

TEST(ChaosTest, ACrashEndsTheCallsOfItsOwnServerOnly) {
  FakeMcpServer upstream;
  FakeAnswer held;
  held.hold = true;
  upstream.OnTool("echo", held);
  Bridge bridge(WithStdio(ConfigWith({{"web", upstream.url()}}), "child", {}));
  ASSERT_TRUE(bridge.WaitForTools("web"));
  ASSERT_TRUE(bridge.WaitForTools("child"));
  for (int round = 0; round < 3; ++round) {
    std::vector<std::unique_ptr<TestHttpClient>> doomed;
    std::vector<std::unique_ptr<TestHttpClient>> safe;
    for (int i = 0; i < 30; ++i) {
      doomed.push_back(Send(bridge, "child-never", "{}"));
      safe.push_back(Send(bridge, "web-echo", R"({"text":"safe )" + std::to_string(i) + "\"}"));
    }
    ASSERT_TRUE(
        upstream.WaitFor([](const auto& record) { return record.held.size() == 30; }, kPatience));
    const auto begin = std::chrono::steady_clock::now();
    doomed.push_back(Send(bridge, "child-crash", "{}"));
    for (auto& client : doomed) {
      const std::string reason = ReasonOf(client->Receive().body);
      EXPECT_TRUE(reason == "UPSTREAM_LOST" || reason == "UPSTREAM_UNAVAILABLE") << reason;
    }
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10))
        << "at once, not by deadline";
    EXPECT_EQ(upstream.ReleaseAll(), 30u);
    for (std::size_t i = 0; i < safe.size(); ++i) {
      EXPECT_NE(safe[i]->Receive().body.find("safe " + std::to_string(i)), std::string::npos);
    }
    ASSERT_TRUE(bridge.WaitForTools("child")) << "it is started again";
    EXPECT_NE(TestHttpClient(bridge.http_port())
                  .Post(Message("child-echo", R"({"text":"back"})"))
                  .body.find("back"),
              std::string::npos);
  }
  EXPECT_EQ(upstream.Snapshot().cancels.size(), 0u);
  EXPECT_EQ(upstream.Snapshot().Count("initialize"), 1u);
}

TEST(ChaosTest, ConnectionsThatBreakAtAnyPointBreakAlone) {
  FakeMcpServer upstream;
  Bridge bridge(ConfigWith({{"web", upstream.url()}}));
  ASSERT_TRUE(bridge.WaitForTools("web"));
  std::mt19937 random(7);
  using Cut = FakeAnswer::Cut;
  // Every third answer is cut off somewhere; the caller's text says which.
  upstream.SetScript([](const FakeRequest& request) {
    FakeAnswer answer;
    if (request.text.starts_with("cut")) {
      answer.cut = request.text.ends_with("0")   ? Cut::kBeforeHeaders
                   : request.text.ends_with("1") ? Cut::kAfterHeaders
                                                 : Cut::kHalfway;
      answer.reset = request.text.size() % 2 == 0;
    }
    answer.form = request.text.size() % 3 == 0 ? FakeAnswer::Form::kSse : FakeAnswer::Form::kJson;
    return answer;
  });
  for (int round = 0; round < 5; ++round) {
    std::vector<std::pair<std::string, std::unique_ptr<TestHttpClient>>> calls;
    for (int i = 0; i < 60; ++i) {
      const std::string text = (random() % 3 == 0 ? "cut " : "whole ") + std::to_string(i);
      calls.emplace_back(text, Send(bridge, "echo", R"({"text":")" + text + "\"}"));
    }
    for (auto& [text, client] : calls) {
      const std::string body = client->Receive().body;
      if (text.starts_with("cut")) {
        EXPECT_EQ(ReasonOf(body), "UPSTREAM_LOST") << text << ": " << body;
      } else {
        EXPECT_NE(body.find("\"" + text + "\""), std::string::npos) << text << ": " << body;
      }
    }
  }
  EXPECT_EQ(upstream.Snapshot().Count("initialize"), 1u);
}

}  // namespace
}  // namespace mcpbridge::test

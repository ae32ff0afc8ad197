// Reloads under load: no call is lost, none is answered by another server than its own, and nothing
// is left over.

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <iterator>
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

std::size_t OpenDescriptors() {
  const std::filesystem::directory_iterator all("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

TEST(ReloadChaosTest, ReloadsUnderLoadLoseNoCallAndLeaveNothing) {
  // "kept" stays; "moves" is one server or the other; "comes" comes and goes.
  FakeMcpServer kept;
  FakeMcpServer here;
  FakeMcpServer there;
  FakeMcpServer comes;
  kept.AnswerWith("kept:");
  here.AnswerWith("moves:");
  there.AnswerWith("moves:");
  comes.AnswerWith("comes:");
  const auto config = [&](bool is_here, bool has_come) {
    std::vector<std::pair<std::string, std::string>> servers;
    if (has_come) servers.emplace_back("comes", comes.url());
    servers.emplace_back("kept", kept.url());
    servers.emplace_back("moves", is_here ? here.url() : there.url());
    return ConfigWith(servers);
  };
  Bridge bridge(config(true, true));
  for (const char* name : {"kept", "moves", "comes"}) ASSERT_TRUE(bridge.WaitForTools(name));
  const std::size_t descriptors = OpenDescriptors();

  std::atomic<bool> stop{false};
  std::atomic<int> answered{0};
  std::vector<std::thread> callers;
  constexpr int kCallers = 6;
  for (int i = 0; i < kCallers; ++i) {
    callers.emplace_back([&, i] {
      TestHttpClient client(bridge.http_port());
      TestHttpClient::Headers headers;
      if (i % 2 == 0) {  // half of them have sessions
        const auto opened = client.Post(
            R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{"elicitation":{}},"clientInfo":{"name":"t","version":"1"}}})");
        headers["mcp-session-id"] = opened.headers.at("mcp-session-id");
      }
      auto stub = bridge.Stub();
      for (int n = 0; !stop; ++n) {
        const std::string server = n % 3 == 0 ? "kept" : n % 3 == 1 ? "moves" : "comes";
        const std::string text = std::to_string(i) + "/" + std::to_string(n);
        std::string answer;
        std::string reason;
        if (i == 1) {
          grpc::ClientContext context;
          v1::CallToolRequest request;
          request.set_name(server + "-echo");
          (*request.mutable_arguments()->mutable_fields())["text"].set_string_value(text);
          v1::CallToolResponse response;
          const grpc::Status status = stub->CallTool(&context, request, &response);
          reason = ReasonOf(status);
          if (status.ok()) answer = response.content(0).text().text();
        } else {
          const TestResponse response =
              client.Post(CallMessage("1", server + "-echo", text), headers);
          answer = response.body;
          reason = ReasonOf(response.body);
        }
        if (server == "comes" && answer.find("comes:" + text) == std::string::npos) {
          // It wasn't there, and nobody else has answered for it.
          EXPECT_TRUE(reason == "TOOL_NOT_FOUND" || reason == "SERVER_NOT_FOUND")
              << reason << " " << answer;
        } else {
          EXPECT_NE(answer.find(server + ":" + text), std::string::npos) << reason << " " << answer;
        }
        ++answered;
      }
    });
  }

  std::mt19937 random(20261125);
  for (int round = 0; round < 60; ++round) {
    const int before = answered;
    const auto changes = bridge.app().Reload(config(random() % 2 == 0, random() % 2 == 0));
    ASSERT_TRUE(changes) << changes.error().message;
    // Some calls between any two.
    const auto give_up = std::chrono::steady_clock::now() + kPatience;
    while (answered < before + 10 && std::chrono::steady_clock::now() < give_up) {
      std::this_thread::yield();
    }
  }
  stop = true;
  for (std::thread& caller : callers) caller.join();
  EXPECT_GE(answered, 600);

  ASSERT_TRUE(bridge.app().Reload(config(true, true)));
  const auto give_up = std::chrono::steady_clock::now() + kPatience;
  const auto is_tidy = [&] {
    return bridge.app().pool().server_count() == 3 && OpenDescriptors() <= descriptors + 32;
  };
  while (!is_tidy() && std::chrono::steady_clock::now() < give_up) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));  // polling, by kPatience
  }
  EXPECT_EQ(bridge.app().pool().server_count(), 3u);
  EXPECT_LE(OpenDescriptors(), descriptors + 32) << "connections and processes of 60 reloads";
  EXPECT_TRUE(bridge.WaitUntilIdle());
}

}  // namespace
}  // namespace mcpbridge::test

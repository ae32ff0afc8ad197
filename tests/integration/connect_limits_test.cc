// Connect: what it takes of whom, and how much.

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tests/fakes/fake_mcp_server.h"
#include "tests/integration/bridge_fixture.h"
#include "tests/integration/connect_client.h"

namespace mcpbridge::test {
namespace {

TEST(ConnectLimitsTest, TheGateCountsCallsAndNotStreams) {
  FakeMcpServer upstream;
  FakeAnswer slow;
  slow.hold = true;
  upstream.OnTool("slow", slow);
  Config config = ConfigWith({{"fake", upstream.url()}});
  config.bridge.limits.in_flight_calls = 1;
  config.bridge.limits.sessions = 2;
  Bridge bridge(std::move(config));
  ASSERT_TRUE(bridge.WaitForTools("fake"));
  ConnectClient first(bridge);
  ConnectClient second(bridge);
  ASSERT_TRUE(bridge.WaitUntilIdle());
  first.Initialized();
  ASSERT_TRUE(bridge.WaitUntilIdle());
  second.Initialized();
  ASSERT_TRUE(bridge.WaitUntilIdle());
  first.Say(CallMessage("1", "slow", "x"));
  ASSERT_TRUE(upstream.WaitFor([](const auto& record) { return record.held.size() == 1; }));
  EXPECT_EQ(ReasonOf(second.Ask(CallMessage("1", "echo", "x"))), "OVERLOADED");
  upstream.ReleaseAll();
  EXPECT_TRUE(Has(first.Next(), R"("id":1,"result")"));
  ConnectClient third(bridge);
  EXPECT_EQ(third.Next(), "");
  EXPECT_EQ(ReasonOf(third.End()), "OVERLOADED") << "as many streams as may";
}

TEST(ConnectLimitsTest, WhoDoesNotReadEndsItsOwnStreamWithAReason) {
  FakeMcpServer upstream;
  FakeAnswer large;
  large.result = R"({"content":[{"type":"text","text":")" + std::string(400 << 10, 'x') + R"("}]})";
  large.hold = true;
  upstream.OnTool("slow", large);
  Config config = ConfigWith({{"fake", upstream.url()}});
  config.bridge.limits.response_bytes = 1 << 20;
  Bridge bridge(std::move(config));
  ASSERT_TRUE(bridge.WaitForTools("fake"));
  ConnectClient other(bridge);
  ConnectClient slow(bridge);
  for (int i = 1; i <= 40; ++i) slow.Say(CallMessage(std::to_string(i), "slow", "x"));
  ASSERT_TRUE(upstream.WaitFor([](const auto& record) { return record.held.size() == 40; }));
  EXPECT_TRUE(Has(other.Ask(CallMessage("1", "echo", "undisturbed")), "undisturbed"));
  // Not one of the answers is read: what waits beyond gRPC's own windows is more than may.
  upstream.ReleaseAll();
  ASSERT_TRUE(bridge.WaitUntilIdle());  // its calls are over with it
  int answers = 0;
  while (!slow.Next().empty()) ++answers;
  EXPECT_EQ(ReasonOf(slow.End()), "READER_TOO_SLOW");
  EXPECT_LT(answers, 40);
}

TEST(ConnectLimitsTest, ASlowReaderLosesNotificationsAndIsTold) {
  FakeMcpServer upstream;
  FakeAnswer chatty;
  chatty.form = FakeAnswer::Form::kSse;
  const std::string note =
      R"({"jsonrpc":"2.0","method":"notifications/message","params":{"data":")" +
      std::string(10 << 10, 'x') + R"("}})";
  chatty.before = std::vector<std::string>(400, note);
  upstream.OnTool("slow", chatty);
  Bridge bridge(ConfigWith({{"fake", upstream.url()}}));
  ASSERT_TRUE(bridge.WaitForTools("fake"));
  ConnectClient client(bridge);
  client.Say(CallMessage("1", "slow", "x"));
  // Nothing is read until the server has said all.
  ASSERT_TRUE(upstream.WaitFor([](const auto& record) { return record.CountCalls("slow") == 1; }));
  ASSERT_TRUE(bridge.WaitUntilIdle());
  int notes = 0;
  std::string last;
  while (!Has(last = client.Next(), R"("id":1)") && !last.empty()) ++notes;
  EXPECT_TRUE(Has(last, R"("result")")) << "an answer is never left out";
  EXPECT_GT(client.dropped(), 0);
  EXPECT_EQ(notes + client.dropped(), 400);
}

TEST(ConnectMetadataTest, WhoIsLetInAndToWhichServers) {
  FakeMcpServer one;
  FakeMcpServer two;
  Config config = ConfigWith({{"one", one.url()}, {"two", two.url()}});
  config.master_key = "sk-test";
  config.servers[1].extra_headers = {"x-tenant"};
  Bridge bridge(std::move(config));
  ASSERT_TRUE(bridge.WaitForTools("one"));
  ASSERT_TRUE(bridge.WaitForTools("two"));
  ConnectClient stranger(bridge);
  EXPECT_EQ(stranger.Next(), "");
  EXPECT_EQ(ReasonOf(stranger.End()), "UNAUTHENTICATED");
  std::map<std::string, std::string> metadata{{"authorization", "Bearer sk-test"},
                                              {"x-tenant", "t-1"}};
  for (const char* name : {"mcpbridge-server", "x-mcp-servers"}) {
    metadata[name] = "two";
    ConnectClient client(bridge, metadata);
    EXPECT_TRUE(Has(client.Ask(CallMessage("1", "echo", "x")), R"("id":1,"result")"));
    EXPECT_EQ(two.Snapshot().LastCall().Header("x-tenant"), "t-1");
    EXPECT_EQ(one.Snapshot().CountCalls("echo"), 0u);
    metadata.erase(name);
  }
  metadata["mcpbridge-server"] = "nobody";
  ConnectClient lost(bridge, metadata);
  EXPECT_EQ(lost.Next(), "");
  EXPECT_EQ(ReasonOf(lost.End()), "SERVER_NOT_FOUND");
}

}  // namespace
}  // namespace mcpbridge::test

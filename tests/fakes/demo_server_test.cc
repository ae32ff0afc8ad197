#include <gtest/gtest.h>
#include <signal.h>

#include <string>
#include <vector>

#include "tests/fakes/fake_json.h"
#include "tests/fakes/test_http.h"
#include "tests/fakes/test_process.h"

namespace mcpbridge {
namespace {

std::string Request(int id, const std::string& method, const std::string& params) {
  return R"({"jsonrpc":"2.0","id":)" + std::to_string(id) + R"(,"method":")" + method +
         R"(","params":)" + params + "}";
}

std::string Call(int id, const std::string& tool, const std::string& arguments) {
  return Request(id, "tools/call",
                 R"({"name":")" + tool + R"(","arguments":)" + arguments +
                     R"(,"_meta":{"progressToken":"t"}})");
}

std::string Cancel(int id) {
  return R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":)" +
         std::to_string(id) + "}}";
}

std::string Progress(int step, int total) {
  return R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"t","progress":)" +
         std::to_string(step) + R"(,"total":)" + std::to_string(total) + "}}";
}

std::string Answer(int id, const std::string& text) {
  return ResultMessage(std::to_string(id), TextResult(JsonQuote(text)));
}

std::string Event(const std::string& json) { return "event: message\ndata: " + json + "\n\n"; }

// mcp-demo-server over HTTP.
class DemoServer {
 public:
  explicit DemoServer(const std::vector<std::string>& flags) : process_(Command(flags)) {
    const std::string line = process_.ReadLine().value_or("");
    const std::size_t colon = line.rfind(':');
    if (colon != std::string::npos) {
      port_ = static_cast<std::uint16_t>(std::stoi(line.substr(colon + 1)));
    }
  }

  TestProcess& process() { return process_; }
  std::uint16_t port() const { return port_; }

  std::string Stat(const std::string& name) const {
    auto stats = JsonMembers(TestHttpClient(port_).Request("GET", "/stats", "").body);
    return stats.contains(name) ? stats[name] : JsonMembers(stats["requests"])[name];
  }
  // Waits until a counter has this value. Asking is what moves a single-threaded server on.
  bool WaitForStat(const std::string& name, const std::string& value) const {
    for (int i = 0; i < 20000; ++i) {
      if (Stat(name) == value) return true;
    }
    return false;
  }

 private:
  static std::vector<std::string> Command(const std::vector<std::string>& flags) {
    std::vector<std::string> command = {MCP_DEMO_SERVER, "--port=0"};
    command.insert(command.end(), flags.begin(), flags.end());
    return command;
  }

  TestProcess process_;
  std::uint16_t port_ = 0;
};

TEST(DemoServerTest, ServesOverStdio) {
  TestProcess server({MCP_DEMO_SERVER, "--my_tool_ms=1"});
  server.WriteLine(Request(1, "initialize", R"({"protocolVersion":"2024-11-05"})"));
  EXPECT_NE(server.ReadLine().value_or("").find("2024-11-05"), std::string::npos);
  server.WriteLine(Call(2, "my_tool", R"({"query":"q\"x"})"));
  EXPECT_EQ(server.ReadLine(), Answer(2, "result for q\"x"));
  server.WriteLine(Call(3, "count", R"({"to":2})"));
  EXPECT_EQ(server.ReadLine(), Progress(1, 2));
  EXPECT_EQ(server.ReadLine(), Progress(2, 2));
  EXPECT_EQ(server.ReadLine(), Answer(3, "counted to 2"));
  server.WriteLine(Call(4, "sleep", R"({"ms":60000})"));
  server.WriteLine(Cancel(4));
  server.WriteLine("nonsense");
  EXPECT_NE(server.ReadLine().value_or("").find("-32700"), std::string::npos);
  server.WriteLine(Call(5, "stats", "{}"));
  EXPECT_NE(server.ReadLine().value_or("").find(R"(\"cancelled_calls\":1)"), std::string::npos);
  server.CloseInput();
  EXPECT_EQ(server.Wait(), 0);
}

TEST(DemoServerTest, NeverOffersAModernVersion) {
  TestProcess server({MCP_DEMO_SERVER});
  server.WriteLine(Request(1, "initialize", R"({"protocolVersion":"2026-07-28"})"));
  EXPECT_NE(server.ReadLine().value_or("").find(R"("protocolVersion":"2025-11-25")"),
            std::string::npos);
}

TEST(DemoServerTest, KeepsSessions) {
  DemoServer server({});
  TestHttpClient client(server.port());
  EXPECT_EQ(client.Post(Call(1, "echo", R"({"text":"x"})")).status, 400);
  const TestResponse opened =
      client.Post(Request(1, "initialize", R"({"protocolVersion":"2025-06-18"})"));
  const TestHttpClient::Headers session = {{"Mcp-Session-Id", opened.headers.at("mcp-session-id")}};
  EXPECT_EQ(
      client.Post(R"({"jsonrpc":"2.0","method":"notifications/initialized"})", session).status,
      202);
  EXPECT_EQ(client.Post(Call(2, "echo", R"({"text":"x"})"), session).body, Answer(2, "x"));
  EXPECT_EQ(client.Post(Call(3, "echo", R"({"text":"x"})"), {{"Mcp-Session-Id", "no"}}).status,
            404);
  EXPECT_EQ(client.Request("GET", "/mcp", "", session).status, 405);
  EXPECT_EQ(client.Request("DELETE", "/mcp", "", session).status, 200);
  EXPECT_EQ(client.Post(Call(4, "echo", R"({"text":"x"})"), session).status, 404);
  EXPECT_EQ(server.Stat("sessions_opened"), "1");
  EXPECT_EQ(server.Stat("sessions_closed"), "1");
  server.process().Signal(SIGTERM);
  EXPECT_EQ(server.process().Wait(), 0);
}

TEST(DemoServerTest, RefusesBadRequests) {
  DemoServer server({"--nosessions"});
  TestHttpClient client(server.port());
  const std::string ping = R"({"jsonrpc":"2.0","id":1,"method":"ping"})";
  EXPECT_EQ(client.Post(ping).body, ResultMessage("1", "{}"));
  EXPECT_EQ(client.Post("{").status, 400);
  EXPECT_EQ(client.Post("[" + ping + "]").status, 400);
  EXPECT_EQ(client.Post(ping, {{"Content-Type", "text/plain"}}).status, 415);
  EXPECT_EQ(client.Post(ping, {{"Accept", "application/json"}}).status, 406);
  EXPECT_EQ(client.Post(ping, {{"Origin", "http://evil.example"}}).status, 403);
  EXPECT_EQ(client.Post(ping, {{"Origin", "http://localhost:3000"}}).status, 200);
  EXPECT_EQ(client.Post(ping, {{"MCP-Protocol-Version", "2026-07-28"}}).status, 400);
  EXPECT_EQ(client.Request("POST", "/other", ping).status, 404);
  EXPECT_NE(client.Post(Request(1, "nosuch", "{}")).body.find("-32601"), std::string::npos);
  EXPECT_NE(client.Post(Call(1, "nosuch", "{}")).body.find("-32602"), std::string::npos);
  EXPECT_NE(client.Post(Call(1, "echo", "{}")).body.find(R"("isError":true)"), std::string::npos);
}

TEST(DemoServerTest, StreamsWhereThereIsProgress) {
  DemoServer server({"--nosessions"});
  TestHttpClient client(server.port());
  EXPECT_EQ(client.Post(Call(1, "count", R"({"to":2})")).body,
            Event(Progress(1, 2)) + Event(Progress(2, 2)) + Event(Answer(1, "counted to 2")));
  EXPECT_EQ(client.Post(Call(2, "sleep", R"({"ms":1})")).body, Answer(2, "slept 1 ms"));
}

TEST(DemoServerTest, StreamsAlwaysOrNever) {
  DemoServer always({"--nosessions", "--answer=sse"});
  EXPECT_EQ(TestHttpClient(always.port()).Post(Call(1, "echo", R"({"text":"x"})")).body,
            Event(Answer(1, "x")));
  EXPECT_EQ(TestHttpClient(always.port()).Post(Call(1, "sleep", R"({"ms":1})")).body,
            Event(Answer(1, "slept 1 ms")));
  DemoServer never({"--nosessions", "--answer=json"});
  EXPECT_EQ(TestHttpClient(never.port()).Post(Call(1, "count", R"({"to":2})")).body,
            Answer(1, "counted to 2"));
}

TEST(DemoServerTest, CancelsOneCallOnly) {
  for (const std::string threads : {"--threads=1", "--threads=3"}) {
    DemoServer server({"--nosessions", threads});
    TestHttpClient victim(server.port());
    TestHttpClient survivor(server.port());
    TestHttpClient canceller(server.port());
    victim.Send(Call(1, "sleep", R"({"ms":60000})"));
    survivor.Send(Call(2, "sleep", R"({"ms":100})"));
    ASSERT_TRUE(server.WaitForStat("max_in_flight", "2"));
    EXPECT_EQ(canceller.Post(Cancel(1)).status, 202);
    EXPECT_EQ(canceller.Post(Cancel(1)).status, 202);
    EXPECT_EQ(victim.Receive().status, 0);
    EXPECT_EQ(survivor.Receive().body, Answer(2, "slept 100 ms"));
    EXPECT_EQ(server.Stat("cancelled_calls"), "1");
    EXPECT_EQ(server.Stat("cancels_unmatched"), "1");
    EXPECT_EQ(server.Stat("notifications/cancelled"), "2");
    EXPECT_EQ(server.Stat("in_flight"), "0");
  }
}

TEST(DemoServerTest, StopsACallWhoseCallerLeftWithoutASession) {
  DemoServer server({"--nosessions"});
  TestHttpClient client(server.port());
  client.Send(Call(1, "sleep", R"({"ms":60000})"));
  ASSERT_TRUE(server.WaitForStat("in_flight", "1"));
  client.Close();
  EXPECT_TRUE(server.WaitForStat("disconnected_calls", "1"));
  EXPECT_EQ(server.Stat("in_flight"), "0");
}

TEST(DemoServerTest, KeepsACallOfASessionWhoseConnectionClosed) {
  DemoServer server({});
  TestHttpClient client(server.port());
  const std::string id =
      client.Post(Request(1, "initialize", R"({"protocolVersion":"2025-06-18"})"))
          .headers.at("mcp-session-id");
  client.Send(Call(1, "sleep", R"({"ms":60000})"), {{"Mcp-Session-Id", id}});
  ASSERT_TRUE(server.WaitForStat("in_flight", "1"));
  client.Close();
  ASSERT_TRUE(server.WaitForStat("open_connections", "1"));  // that of the question
  EXPECT_EQ(server.Stat("in_flight"), "1");
  TestHttpClient(server.port()).Post(Cancel(1), {{"Mcp-Session-Id", id}});
  EXPECT_EQ(server.Stat("cancelled_calls"), "1");
}

TEST(DemoServerTest, CarriesLargeBodies) {
  DemoServer server({"--nosessions"});
  TestHttpClient client(server.port());
  const std::string text(3 << 20, 'y');
  EXPECT_EQ(client.Post(Call(1, "echo", R"({"text":")" + text + R"("})")).body, Answer(1, text));
  EXPECT_EQ(client.Post(Call(2, "bytes", R"({"n":5000000})")).body,
            Answer(2, std::string(5000000, 'x')));
}

}  // namespace
}  // namespace mcpbridge

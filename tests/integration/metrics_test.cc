// What /metrics says is what was called, over both fronts.

#include <gmock/gmock.h>
#include <grpcpp/client_context.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "server/frontend/admin/metrics.h"
#include "tests/fakes/fake_mcp_server.h"
#include "tests/fakes/test_http.h"
#include "tests/integration/bridge_fixture.h"

namespace mcpbridge::test {
namespace {

using testing::HasSubstr;

// "name{labels}" to value.
using Samples = std::map<std::string, double>;

class MetricsTest : public testing::Test {
 protected:
  void Start(Config config) {
    config.bridge.admin_listen = ListenAddress{.host = "127.0.0.1", .port = 0, .unix_path = {}};
    key_ = config.master_key;
    bridge_.emplace(std::move(config));
    stub_ = bridge_->Stub();
    ASSERT_TRUE(bridge_->WaitForTools("fake"));
  }
  void Start() { Start(ConfigWith({{"fake", upstream_.url()}})); }

  Samples Scrape() {
    TestHttpClient client(bridge_->admin_port());
    const TestResponse response =
        client.Request("GET", "/metrics", "", {{"x-litellm-api-key", key_}});
    EXPECT_EQ(response.status, 200);
    Samples samples;
    std::istringstream lines(response.body);
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with('#')) continue;
      const std::size_t space = line.rfind(' ');
      samples[line.substr(0, space)] = std::strtod(line.c_str() + space, nullptr);
    }
    return samples;
  }
  static double Sum(const Samples& samples, const std::string& beginning) {
    double sum = 0;
    for (const auto& [name, value] : samples) sum += name.starts_with(beginning) ? value : 0;
    return sum;
  }

  std::string CallHttp(const std::string& tool, const TestHttpClient::Headers& headers = {}) {
    return TestHttpClient(bridge_->http_port()).Post(CallMessage("1", tool, "x"), headers).body;
  }
  grpc::Status CallGrpc(const std::string& tool) {
    grpc::ClientContext context;
    v1::CallToolRequest request;
    request.set_name(tool);
    request.set_arguments_json(R"({"text":"x"})");
    v1::CallToolResponse response;
    return stub_->CallTool(&context, request, &response);
  }
  static std::string Series(const std::string& front, const std::string& tool,
                            const std::string& reason) {
    return "mcpbridge_calls_total{front=\"" + front +
           "\",server=\"fake\",method=\"tools/call\",tool=\"" + tool + "\",reason=\"" + reason +
           "\"}";
  }

  FakeMcpServer upstream_;
  std::optional<Bridge> bridge_;
  std::unique_ptr<v1::ToolService::Stub> stub_;
  std::string key_;
};

TEST_F(MetricsTest, CountsTheCallsOfBothFronts) {
  Start();
  for (int i = 0; i < 5; ++i) EXPECT_THAT(CallHttp("echo"), HasSubstr("result"));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(CallGrpc("echo").ok());
  const Samples samples = Scrape();
  EXPECT_EQ(samples.at(Series("http", "echo", "OK")), 5);
  EXPECT_EQ(samples.at(Series("grpc", "echo", "OK")), 3);
  const std::string labels = "{front=\"http\",server=\"fake\",method=\"tools/call\",tool=\"echo\"";
  EXPECT_EQ(samples.at("mcpbridge_call_duration_seconds_count" + labels + "}"), 5);
  EXPECT_EQ(samples.at("mcpbridge_call_duration_seconds_bucket" + labels + ",le=\"+Inf\"}"), 5);
  EXPECT_GT(samples.at("mcpbridge_call_duration_seconds_sum" + labels + "}"), 0);
  EXPECT_EQ(samples.at("mcpbridge_call_queue_duration_seconds_count{front=\"grpc\"}"), 3);
  EXPECT_EQ(samples.at("mcpbridge_call_upstream_duration_seconds_count{server=\"fake\"}"), 8);
  // The two parts are the whole.
  const double parts = Sum(samples, "mcpbridge_call_queue_duration_seconds_sum") +
                       Sum(samples, "mcpbridge_call_upstream_duration_seconds_sum");
  EXPECT_NEAR(parts, Sum(samples, "mcpbridge_call_duration_seconds_sum"), 1e-6);
  EXPECT_EQ(Sum(samples, "mcpbridge_calls_in_flight"), 0);
}

TEST_F(MetricsTest, CountsFailuresByTheirReason) {
  Start();
  FakeAnswer error;
  error.error = R"({"code":-32000,"message":"no"})";
  FakeAnswer held;
  held.hold = true;
  upstream_.OnTool("echo", error);
  upstream_.OnTool("slow", held);
  CallHttp("echo");
  EXPECT_FALSE(CallGrpc("echo").ok());
  EXPECT_EQ(ReasonOf(CallHttp("slow", {{"grpc-timeout", "50m"}})), "DEADLINE_EXCEEDED");
  TestHttpClient leaves(bridge_->http_port());
  leaves.Send(CallMessage("1", "slow", "x"));
  ASSERT_TRUE(upstream_.WaitFor([](const auto& record) { return record.CountCalls("slow") == 2; }));
  EXPECT_EQ(Scrape().at("mcpbridge_calls_in_flight{front=\"http\",server=\"fake\"}"), 1);
  leaves.Close();
  ASSERT_TRUE(
      upstream_.WaitFor([](const auto& record) { return record.disconnected.size() == 2; }));
  const Samples samples = Scrape();
  EXPECT_EQ(samples.at(Series("http", "echo", "UPSTREAM_ERROR")), 1);
  EXPECT_EQ(samples.at(Series("grpc", "echo", "UPSTREAM_ERROR")), 1);
  EXPECT_EQ(samples.at(Series("http", "slow", "DEADLINE_EXCEEDED")), 1);
  EXPECT_EQ(samples.at(Series("http", "slow", "CANCELLED")), 1);
}

// Anybody can make up names.
TEST_F(MetricsTest, UnknownToolsHaveNoNameThere) {
  Start();
  for (int i = 0; i < 5; ++i) {
    CallHttp("made_up" + std::to_string(i));
    EXPECT_FALSE(CallGrpc("made_up" + std::to_string(i)).ok());
  }
  const Samples samples = Scrape();
  for (const auto& [name, value] : samples) EXPECT_EQ(name.find("made_up"), std::string::npos);
  EXPECT_EQ(Sum(samples, "mcpbridge_calls_total{"), 10);
}

TEST_F(MetricsTest, ToolsBeyondTheBoundAreCountedTogether) {
  std::string tools;
  for (int i = 0; i < 150; ++i) {
    tools += std::string(tools.empty() ? "[" : ",") + R"({"name":"t)" + std::to_string(i) +
             R"(","inputSchema":{"type":"object"}})";
  }
  FakeMcpServer many({.tools = tools + "]"});
  Start(ConfigWith({{"fake", many.url()}}));
  for (int i = 0; i < 150; ++i) CallHttp("t" + std::to_string(i));
  const Samples samples = Scrape();
  EXPECT_EQ(Sum(samples, "mcpbridge_calls_total{"), 150);
  EXPECT_EQ(Sum(samples,
                "mcpbridge_calls_total{front=\"http\",server=\"fake\","
                "method=\"tools/call\",tool=\"other\""),
            50);
  EXPECT_EQ(samples.at("mcpbridge_upstream_tools{server=\"fake\"}"), 150);
}

TEST_F(MetricsTest, CountsWhatIsTurnedAway) {
  Config config = ConfigWith({{"fake", upstream_.url()}});
  config.master_key = "s3cr3t";
  Start(config);
  const double before =
      Scrape().at("mcpbridge_refused_total{front=\"http\",reason=\"UNAUTHENTICATED\"}");
  CallHttp("echo");
  EXPECT_FALSE(CallGrpc("echo").ok());
  TestHttpClient(bridge_->http_port()).Post("{", {{"x-litellm-api-key", "s3cr3t"}});
  TestHttpClient(bridge_->http_port())
      .Post(R"({"jsonrpc":"2.0","id":1,"method":"no/such"})", {{"x-litellm-api-key", "s3cr3t"}});
  // On the admin listener only what is refused as a call is counted.
  TestHttpClient admin(bridge_->admin_port());
  admin.Request("GET", "/metrics", "");
  admin.Post("[", {{"x-litellm-api-key", "s3cr3t"}, {"MCP-Protocol-Version", "2025-11-25"}});
  const Samples samples = Scrape();
  EXPECT_EQ(samples.at("mcpbridge_refused_total{front=\"http\",reason=\"INVALID_REQUEST\"}"), 1);
  EXPECT_EQ(samples.at("mcpbridge_refused_total{front=\"http\",reason=\"UNAUTHENTICATED\"}"),
            before + 1);
  EXPECT_EQ(samples.at("mcpbridge_refused_total{front=\"grpc\",reason=\"UNAUTHENTICATED\"}"), 1);
  EXPECT_EQ(samples.at("mcpbridge_refused_total{front=\"http\",reason=\"INVALID_JSON\"}"), 1);
  EXPECT_EQ(samples.at("mcpbridge_refused_total{front=\"http\",reason=\"METHOD_NOT_FOUND\"}"), 1);
  EXPECT_EQ(Sum(samples, "mcpbridge_calls_total{"), 0);
}

TEST_F(MetricsTest, ShowsWhatThereIs) {
  Start();
  TestHttpClient client(bridge_->http_port());
  const TestResponse opened = client.Post(
      R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25",)"
      R"("capabilities":{},"clientInfo":{"name":"test","version":"1"}}})");
  ASSERT_EQ(opened.status, 200);
  client.Post(CallMessage("2", "echo", "x"),
              {{"Mcp-Session-Id", opened.headers.at("mcp-session-id")}});
  const Samples samples = Scrape();
  EXPECT_EQ(samples.at("mcpbridge_client_sessions"), 1);
  EXPECT_EQ(samples.at("mcpbridge_upstream_client_sessions{server=\"fake\"}"), 1);
  EXPECT_EQ(samples.at("mcpbridge_connections{listener=\"http\"}"), 1);
  EXPECT_EQ(samples.at("mcpbridge_connections{listener=\"admin\"}"), 1);
  EXPECT_GE(samples.at("mcpbridge_upstream_connections{server=\"fake\"}"), 1);
  EXPECT_EQ(samples.at("mcpbridge_upstream_up{server=\"fake\"}"), 1);
  EXPECT_EQ(samples.at("mcpbridge_upstream_state{server=\"fake\",state=\"serving\"}"), 1);
  EXPECT_EQ(samples.at("mcpbridge_ready"), 1);
  EXPECT_GT(samples.at("process_resident_memory_bytes"), 1e6);
  EXPECT_GT(samples.at("process_open_fds"), 5);
  EXPECT_GT(samples.at("process_start_time_seconds"), 1.6e9);
}

// Scraping without a pause, from two sides, holds no call up and loses none.
TEST_F(MetricsTest, ScrapesDuringLoadLoseNothing) {
  Start();
  constexpr int kCalls = 150;
  std::atomic<int> failed = 0;
  std::atomic<bool> over = false;
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] {
      TestHttpClient client(bridge_->http_port());
      for (int call = 0; call < kCalls; ++call) {
        const auto answer = client.Post(CallMessage("1", "echo", "x"));
        failed += answer.body.find("result") == std::string::npos;
      }
    });
    threads.emplace_back([&] {
      for (int call = 0; call < kCalls; ++call) failed += !CallGrpc("echo").ok();
    });
  }
  std::vector<std::thread> scrapers;
  std::atomic<int> scrapes = 0;
  for (int i = 0; i < 2; ++i) {
    scrapers.emplace_back([&] {
      double last = 0;
      do {
        const double now = Sum(Scrape(), "mcpbridge_calls_total{");
        EXPECT_GE(now, last);
        last = now;
        ++scrapes;
      } while (!over);
    });
  }
  for (std::thread& thread : threads) thread.join();
  over = true;
  for (std::thread& thread : scrapers) thread.join();
  EXPECT_EQ(failed, 0);
  EXPECT_GT(scrapes, 2);
  EXPECT_EQ(Sum(Scrape(), "mcpbridge_calls_total{"), 4 * kCalls);
}

TEST(MetricTableTest, NamesFollowPrometheus) {
  for (const MetricInfo& metric : AllMetrics()) {
    const std::string name = metric.name;
    EXPECT_TRUE(name.starts_with("mcpbridge_") || name.starts_with("process_")) << name;
    EXPECT_EQ(metric.type == prometheus::MetricType::Counter, name.ends_with("_total")) << name;
    if (metric.type == prometheus::MetricType::Histogram) {
      EXPECT_TRUE(name.ends_with("_seconds")) << name;
    }
    EXPECT_NE(std::string(metric.help), "");
  }
}

}  // namespace
}  // namespace mcpbridge::test

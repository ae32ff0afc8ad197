// What tells the bridge which era a server is of, and what doesn't; servers that are exchanged for
// those of another era under a running bridge.

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "tests/fakes/fake_mcp_server.h"
#include "tests/fakes/test_http.h"
#include "tests/integration/bridge_fixture.h"

namespace mcpbridge::test {
namespace {

enum class SpokenEra { kLegacy, kModern, kBoth };

constexpr char kModernCall[] =
    R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"text":"hello"},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}})";

// How a server refuses a request of the era that it doesn't speak.
struct EraRefusal {
  const char* name;
  int legacy_status;         // to requests of the legacy era
  const char* legacy_error;  // empty: plain text
  int modern_status;         // to those of the modern one
  const char* modern_error;
  bool sessions = true;  // the server has them in the legacy era
};

constexpr EraRefusal kEraRefusals[] = {
    {"AsSpecified", 400, R"({"code":-32022,"message":"Unsupported protocol version"})", 400,
     R"({"code":-32022,"message":"Unsupported protocol version"})"},
    {"NoSession", 400, R"({"code":-32000,"message":"Bad Request: No valid session ID provided"})",
     400, R"({"code":-32000,"message":"Bad Request: No valid session ID provided"})"},
    {"WithoutSessions", 400, R"({"code":-32022,"message":"Unsupported protocol version"})", 400,
     R"({"code":-32022,"message":"Unsupported protocol version"})", false},
    {"NotFound", 404, R"({"code":-32601,"message":"Method not found"})", 404, ""},
};

// A server whose era a test changes.
class ChangingServer {
 public:
  explicit ChangingServer(SpokenEra era, EraRefusal refusal = kEraRefusals[0])
      : era_(era), refusal_(refusal) {
    server_.SetScript([this](const FakeRequest& request) { return Answer(request); });
  }
  ~ChangingServer() { server_.SetScript({}); }

  FakeMcpServer& server() { return server_; }
  void Become(SpokenEra era) {
    era_ = era;
    if (era == SpokenEra::kLegacy) server_.DropSessions();  // of the one before
  }
  // Every handshake gets this HTTP status; 0: none does.
  void RefuseHandshakes(int status) { handshake_status_ = status; }

 private:
  FakeAnswer Answer(const FakeRequest& request) const {
    FakeAnswer answer;
    if (request.http_method == "GET") return answer;
    const bool modern = request.Header("mcp-protocol-version") == "2026-07-28";
    const bool handshake = request.method == "initialize" || request.method == "server/discover";
    if (handshake && handshake_status_ != 0) {
      answer.http_status = handshake_status_;
      answer.body = "not now";
    } else if (era_ == (modern ? SpokenEra::kLegacy : SpokenEra::kModern)) {
      answer.http_status = modern ? refusal_.modern_status : refusal_.legacy_status;
      answer.error = modern ? refusal_.modern_error : refusal_.legacy_error;
      if (answer.error.empty()) answer.body = "nothing here";
    } else if (request.method == "server/discover") {
      answer.result =
          R"({"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"resultType":"complete","ttlMs":0,"cacheScope":"private"})";
    } else if (request.method == "subscriptions/listen") {
      return ListenAnswer(request);
    } else if (request.method == "tools/call" && modern) {
      answer.result = R"({"resultType":"complete","content":[{"type":"text","text":"modern"}]})";
    }
    return answer;
  }

  std::atomic<SpokenEra> era_;
  std::atomic<int> handshake_status_{0};
  const EraRefusal refusal_;
  FakeMcpServer server_{{.sessions = refusal_.sessions, .modern_too = true}};
};

std::string CallAsLegacy(const Bridge& bridge) {
  return TestHttpClient(bridge.http_port()).Post(CallMessage("1", "echo", "hello")).body;
}

std::string CallAsModern(const Bridge& bridge) {
  return TestHttpClient(bridge.http_port())
      .Post(kModernCall, {{"MCP-Protocol-Version", "2026-07-28"},
                          {"Mcp-Method", "tools/call"},
                          {"Mcp-Name", "echo"}})
      .body;
}

// Calls until the answer has `part`, for as long as patience lasts; the last answer.
std::string CallUntil(const std::string& part, const std::function<std::string()>& call) {
  const auto give_up = std::chrono::steady_clock::now() + kPatience;
  std::string body = call();
  while (body.find(part) == std::string::npos && std::chrono::steady_clock::now() < give_up) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));  // polling, by kPatience
    body = call();
  }
  return body;
}

constexpr char kFromLegacy[] = R"("text":"hello")";
constexpr char kFromModern[] = R"("text":"modern")";

class EraVerdictTest : public testing::TestWithParam<int> {};

INSTANTIATE_TEST_SUITE_P(All, EraVerdictTest, testing::Values(401, 403, 408, 429, 500, 502, 503));

TEST_P(EraVerdictTest, ARefusedInitializeDoesNotMakeAServerModern) {
  ChangingServer fake(SpokenEra::kBoth);
  fake.RefuseHandshakes(GetParam());
  Bridge bridge(ConfigWith({{"fake", fake.server().url()}}));
  ASSERT_TRUE(fake.server().WaitFor(
      [](const auto& record) { return record.Count("initialize") >= 2; }, kPatience))
      << "it goes on trying";
  EXPECT_EQ(ReasonOf(CallAsLegacy(bridge)), "UPSTREAM_UNAVAILABLE");
  EXPECT_EQ(fake.server().Snapshot().Count("server/discover"), 0u);
  fake.RefuseHandshakes(0);
  ASSERT_TRUE(bridge.WaitForTools("fake"));
  const std::string body = CallAsLegacy(bridge);
  EXPECT_NE(body.find(kFromLegacy), std::string::npos) << body;
  EXPECT_EQ(bridge.app().status().Of("fake").protocol_version, "2025-11-25");
}

TEST_P(EraVerdictTest, ARefusedDiscoverDoesNotMakeAServerLegacy) {
  ChangingServer fake(SpokenEra::kBoth);
  Bridge bridge(ConfigWith({{"fake", fake.server().url()}}));
  ASSERT_TRUE(bridge.WaitForTools("fake"));
  fake.RefuseHandshakes(GetParam());
  const std::string refused = CallAsModern(bridge);
  EXPECT_EQ(ReasonOf(refused), "UPSTREAM_UNAVAILABLE") << refused << ": not translated";
  EXPECT_EQ(fake.server().Snapshot().CountCalls("echo"), 0u);
  fake.RefuseHandshakes(0);
  const std::string body = CallUntil(kFromModern, [&] { return CallAsModern(bridge); });
  EXPECT_NE(body.find(kFromModern), std::string::npos) << body;
  EXPECT_NE(CallAsLegacy(bridge).find(kFromLegacy), std::string::npos);
}

class EraChangeTest : public testing::TestWithParam<EraRefusal> {
 protected:
  // Both kinds of callers are served, by a server of this era.
  void ExpectServed(const std::string& part, const std::string& version) {
    for (const bool modern : {false, true}) {
      const std::string body =
          CallUntil(part, [&] { return modern ? CallAsModern(*bridge_) : CallAsLegacy(*bridge_); });
      EXPECT_NE(body.find(part), std::string::npos) << body;
      EXPECT_EQ(body.find(R"("resultType":"complete")") != std::string::npos, modern) << body;
    }
    EXPECT_TRUE(bridge_->WaitForTools("fake"));
    EXPECT_EQ(bridge_->app().status().Of("fake").protocol_version, version);
  }
  void ServeWith(ChangingServer& fake) {
    bridge_ = std::make_unique<Bridge>(ConfigWith({{"fake", fake.server().url()}}));
    ASSERT_TRUE(bridge_->WaitForTools("fake"));
  }

  std::unique_ptr<Bridge> bridge_;
};

INSTANTIATE_TEST_SUITE_P(All, EraChangeTest, testing::ValuesIn(kEraRefusals),
                         [](const auto& row) { return std::string(row.param.name); });

TEST_P(EraChangeTest, AServerThatLearnsTheModernEraIsFoundOutAndTheWayBackToo) {
  ChangingServer fake(SpokenEra::kLegacy, GetParam());
  ServeWith(fake);
  ExpectServed(kFromLegacy, "2025-11-25");
  fake.Become(SpokenEra::kModern);
  ExpectServed(kFromModern, "2026-07-28");
  fake.Become(SpokenEra::kLegacy);
  ExpectServed(kFromLegacy, "2025-11-25");
  bridge_.reset();
}

TEST_P(EraChangeTest, AServerThatForgetsTheModernEraIsFoundOutAndTheWayBackToo) {
  ChangingServer fake(SpokenEra::kModern, GetParam());
  ServeWith(fake);
  ExpectServed(kFromModern, "2026-07-28");
  fake.Become(SpokenEra::kLegacy);
  ExpectServed(kFromLegacy, "2025-11-25");
  fake.Become(SpokenEra::kModern);
  ExpectServed(kFromModern, "2026-07-28");
  bridge_.reset();
}

}  // namespace
}  // namespace mcpbridge::test

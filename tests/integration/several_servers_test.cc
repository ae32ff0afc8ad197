// Requests and notifications of clients with sessions that concern several servers.

#include <gtest/gtest.h>

#include <algorithm>

#include <string>

#include "tests/fakes/fake_mcp_server.h"
#include "tests/fakes/test_http.h"
#include "tests/integration/bridge_fixture.h"

namespace mcpbridge::test {
namespace {

using Headers = TestHttpClient::Headers;

constexpr char kSetLevel[] =
    R"({"jsonrpc":"2.0","id":1,"method":"logging/setLevel","params":{"level":"debug"}})";
constexpr char kRootsChanged[] =
    R"({"jsonrpc":"2.0","method":"notifications/roots/list_changed","params":{"x":1}})";

class SeveralServersTest : public testing::Test {
 protected:
  void SetUp() override {
    for (FakeMcpServer* server : {&a_, &b_}) Logs(*server, "{}", "");
    bridge_.emplace(ConfigWith({{"a", a_.url()}, {"b", b_.url()}, {"c", c_.url()}}));
    for (const char* name : {"a", "b", "c"}) ASSERT_TRUE(bridge_->WaitForTools(name));
    const TestResponse opened = Post(
        R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18",)"
        R"("capabilities":{"roots":{"listChanged":true}},"clientInfo":{"name":"t","version":"1"}}})");
    session_ = {{"mcp-session-id", opened.headers.at("mcp-session-id")}};
  }

  // It declares logging, and answers logging/setLevel so.
  static void Logs(FakeMcpServer& server, const std::string& result, const std::string& error) {
    server.SetScript([result, error](const FakeRequest& request) {
      FakeAnswer answer;
      if (request.method == "initialize") {
        answer.result =
            R"({"protocolVersion":"2025-11-25","capabilities":{"tools":{},"logging":{}},)"
            R"("serverInfo":{"name":"fake","version":"1"}})";
      } else if (request.method == "logging/setLevel") {
        answer.result = result;
        answer.error = error;
      }
      return answer;
    });
  }

  TestResponse Post(const std::string& body, const Headers& headers = {},
                    const std::string& path = "/mcp") {
    return TestHttpClient(bridge_->http_port()).Request("POST", path, body, headers);
  }

  FakeMcpServer a_, b_, c_;
  std::optional<Bridge> bridge_;
  Headers session_;
};

TEST_F(SeveralServersTest, ALogLevelGoesToAllThatHaveLevels) {
  EXPECT_EQ(Post(kSetLevel, session_).body, R"({"jsonrpc":"2.0","id":1,"result":{}})");
  EXPECT_EQ(a_.Snapshot().Count("logging/setLevel"), 1u);
  EXPECT_EQ(b_.Snapshot().Count("logging/setLevel"), 1u);
  EXPECT_EQ(c_.Snapshot().Count("logging/setLevel"), 0u) << "it declares no logging";
  const auto is_told = [](const FakeRequest& request) {  // its stream may be asked for behind it
    return request.method == "logging/setLevel" &&
           request.params.find("debug") != std::string::npos;
  };
  const auto requests = a_.Snapshot().requests;
  EXPECT_TRUE(std::any_of(requests.begin(), requests.end(), is_told));
  Post(kSetLevel, session_, "/mcp/a,c");
  EXPECT_EQ(a_.Snapshot().Count("logging/setLevel"), 2u);
  EXPECT_EQ(b_.Snapshot().Count("logging/setLevel"), 1u) << "outside of the path";
  EXPECT_EQ(ReasonOf(Post(kSetLevel).body), "METHOD_NOT_FOUND") << "only within a session";
}

TEST_F(SeveralServersTest, WhoDidNotTakeItIsNamed) {
  Logs(b_, "", R"({"code":-32603,"message":"not today"})");
  EXPECT_EQ(Post(kSetLevel, session_).body,
            R"({"jsonrpc":"2.0","id":1,"result":{"_meta":{"mcp-bridge/unavailable":)"
            R"([{"server":"b","error":"not today"}]}}})");
  Logs(a_, "", R"({"code":-32603,"message":"nor ever"})");
  const TestResponse none = Post(kSetLevel, session_);
  EXPECT_NE(none.body.find(R"("id":1,"error":)"), std::string::npos) << none.body;
  EXPECT_NE(none.body.find(R"("code":-32603,"message":"no)"), std::string::npos) << none.body;
}

TEST_F(SeveralServersTest, ChangedRootsAreToldToThoseInUse) {
  EXPECT_EQ(Post(kRootsChanged).status, 202) << "without a session it concerns nobody";
  Post(CallMessage("1", "a-echo", "x"), session_);
  Post(CallMessage("2", "b-echo", "x"), session_);
  EXPECT_EQ(Post(kRootsChanged, session_).status, 202);
  const auto told = [](const FakeMcpServer::Record& record) {
    return record.Count("notifications/roots/list_changed") == 1;
  };
  ASSERT_TRUE(a_.WaitFor(told, kPatience));
  ASSERT_TRUE(b_.WaitFor(told, kPatience));
  const FakeMcpServer::Record record = a_.Snapshot();
  EXPECT_EQ(record.requests.back().body, kRootsChanged);
  EXPECT_EQ(record.requests.back().Header("mcp-session-id"),
            record.LastCall().Header("mcp-session-id"))
      << "in the client's own session";
  EXPECT_EQ(c_.Snapshot().Count("notifications/roots/list_changed"), 0u);
}

// The code for it up to 2025-11-25 must not be used in the version after.
TEST(SeveralResourcesTest, AResourceThatNobodyHasHasTheCodeOfItsCallersVersion) {
  FakeMcpServer one({.resources = "[]"});
  FakeMcpServer two({.resources = "[]"});
  Bridge bridge(ConfigWith({{"one", one.url()}, {"two", two.url()}}));
  ASSERT_TRUE(bridge.WaitForTools("one"));
  ASSERT_TRUE(bridge.WaitForTools("two"));
  TestHttpClient client(bridge.http_port());
  const std::string legacy =
      client
          .Post(R"({"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"no:where"}})")
          .body;
  EXPECT_NE(legacy.find(R"("code":-32002)"), std::string::npos) << legacy;
  const std::string modern =
      client
          .Post(
              R"({"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"no:where","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}})",
              {{"MCP-Protocol-Version", "2026-07-28"},
               {"Mcp-Method", "resources/read"},
               {"Mcp-Name", "no:where"}})
          .body;
  EXPECT_NE(modern.find(R"("code":-32602)"), std::string::npos) << modern;
  EXPECT_NE(modern.find(R"("uri":"no:where")"), std::string::npos) << modern;
}

}  // namespace
}  // namespace mcpbridge::test

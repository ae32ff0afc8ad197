// The tasks extension of MCP 2026-07-28, and what becomes of tasks between the eras.

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "tests/fakes/fake_json.h"
#include "tests/fakes/fake_mcp_server.h"
#include "tests/fakes/test_http.h"
#include "tests/integration/bridge_fixture.h"

namespace mcpbridge::test {
namespace {

using Headers = TestHttpClient::Headers;

constexpr char kExtension[] = R"("io.modelcontextprotocol/tasks")";

std::string Meta(const std::string& capabilities) {
  return R"("_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":)" +
         capabilities + "}";
}

std::string WithExtension() { return R"({"extensions":{)" + std::string(kExtension) + R"(:{}}})"; }

std::string Answered(const std::string& result) {
  return R"({"jsonrpc":"2.0","id":"m1","result":)" + result + "}";
}

std::string Task(const std::string& type, const std::string& id) {
  return R"({"resultType":")" + type + R"(","taskId":")" + id +
         R"(","status":"working","ttlMs":null,"n":9007199254740993})";
}

// A server of that version with the extension, whose one task is "t"; of that version alone, or of
// both.
FakeMcpServer::Script Tasks(bool is_modern_only = false) {
  return [is_modern_only](const FakeRequest& request) {
    FakeAnswer answer;
    const bool modern = request.Header("mcp-protocol-version") == "2026-07-28";
    const bool declared = Has(request.params, kExtension);
    if (!modern) {
      if (is_modern_only) {
        answer.http_status = 404;
        answer.error = R"({"code":-32601,"message":"Method not found"})";
      }
    } else if (request.method == "server/discover") {
      answer.result =
          R"({"supportedVersions":["2026-07-28"],"capabilities":{"tools":{},"extensions":{)" +
          std::string(kExtension) +
          R"(:{},"x":{}}},"resultType":"complete","ttlMs":0,"cacheScope":"private"})";
    } else if (request.method == "tools/call") {
      answer.result = declared ? Task("task", "t") : R"({"resultType":"complete","content":[]})";
    } else if (request.method.starts_with("tasks/") && !declared) {
      answer.http_status = 400;
      answer.error =
          R"({"code":-32021,"message":"not declared","data":{"requiredCapabilities":{}}})";
    } else if (request.method.starts_with("tasks/")) {
      const bool known = JsonString(JsonMembers(request.params)["taskId"]) == "t" &&
                         request.Header("mcp-name") == "t";
      if (!known) {
        answer.error = R"({"code":-32602,"message":"no such task"})";
      } else {
        answer.result =
            request.method == "tasks/get" ? Task("complete", "t") : R"({"resultType":"complete"})";
      }
    }
    return answer;
  };
}

class ModernTasksTest : public testing::Test {
 protected:
  void Start(std::size_t count) {
    for (FakeMcpServer* server : {&a_, &b_}) server->SetScript(Tasks());
    bridge_.emplace(count == 1 ? ConfigWith({{"a", a_.url()}})
                               : ConfigWith({{"a", a_.url()}, {"b", b_.url()}, {"c", c_.url()}}));
    ASSERT_TRUE(bridge_->WaitForTools("a"));
    if (count > 1) {
      ASSERT_TRUE(bridge_->WaitForTools("b"));
      ASSERT_TRUE(bridge_->WaitForTools("c"));
    }
  }

  // `params`: members of its params.
  TestResponse Post(const std::string& method, const std::string& params, const std::string& name,
                    const std::string& capabilities = WithExtension()) {
    Headers headers{{"MCP-Protocol-Version", "2026-07-28"}, {"Mcp-Method", method}};
    if (!name.empty()) headers.emplace("Mcp-Name", name);
    const std::string body = R"({"jsonrpc":"2.0","id":"m1","method":")" + method +
                             R"(","params":{)" + params + (params.empty() ? "" : ",") +
                             Meta(capabilities) + "}}";
    return TestHttpClient(bridge_->http_port()).Post(body, headers);
  }
  TestResponse Call(const std::string& tool, const std::string& capabilities = WithExtension()) {
    return Post("tools/call", R"("name":")" + tool + R"(","arguments":{})", tool, capabilities);
  }
  TestResponse About(const std::string& method, const std::string& id,
                     const std::string& capabilities = WithExtension()) {
    return Post(method, R"("taskId":")" + id + '"', id, capabilities);
  }

  FakeMcpServer a_{{.sessions = false}}, b_{{.sessions = false}}, c_;
  std::optional<Bridge> bridge_;
};

TEST_F(ModernTasksTest, OfOneServerTheyPassUnchanged) {
  Start(1);
  const TestResponse discover = Post("server/discover", "", "");
  EXPECT_TRUE(Has(discover.body, R"("extensions":{)" + std::string(kExtension) + R"(:{},"x":{}})"))
      << discover.body;
  EXPECT_EQ(Call("echo").body, Answered(Task("task", "t")));
  EXPECT_EQ(About("tasks/get", "t").body, Answered(Task("complete", "t")));
  EXPECT_EQ(About("tasks/cancel", "t").body, Answered(R"({"resultType":"complete"})"));
  const TestResponse update =
      Post("tasks/update", R"("taskId":"t","inputResponses":{"k":{"n":1e400}})", "t");
  EXPECT_EQ(update.body, Answered(R"({"resultType":"complete"})"));
  EXPECT_TRUE(Has(a_.Snapshot().requests.back().params, R"("inputResponses":{"k":{"n":1e400}})"));
  EXPECT_TRUE(Has(About("tasks/get", "other").body, R"("code":-32602)"));
}

TEST_F(ModernTasksTest, WhoDoesntDeclareThemGetsNone) {
  Start(1);
  EXPECT_EQ(Call("echo", "{}").body, Answered(R"({"resultType":"complete","content":[]})"));
  EXPECT_FALSE(Has(a_.Snapshot().LastCall().params, kExtension)) << "nor does the bridge for it";
  for (const char* method : {"tasks/get", "tasks/update", "tasks/cancel"}) {
    const TestResponse refused = About(method, "t", "{}");
    EXPECT_EQ(refused.status, 400);
    EXPECT_TRUE(Has(refused.body, R"("code":-32021)")) << refused.body;
  }
}

TEST_F(ModernTasksTest, TheHeaderNamesTheTask) {
  Start(1);
  for (const char* method : {"tasks/get", "tasks/update", "tasks/cancel"}) {
    for (const char* name : {"", "other"}) {
      const TestResponse refused = Post(method, R"("taskId":"t")", name);
      EXPECT_EQ(refused.status, 400);
      EXPECT_TRUE(Has(refused.body, R"("code":-32020)")) << refused.body;
    }
  }
  for (const char* method : {"tasks/list", "tasks/result"}) {
    const TestResponse refused = About(method, "t");
    EXPECT_EQ(refused.status, 404) << "of the era before";
    EXPECT_TRUE(Has(refused.body, R"("code":-32601)")) << refused.body;
  }
}

TEST_F(ModernTasksTest, OfSeveralServersTheirIdsSayWhoseTheyAre) {
  Start(3);
  const TestResponse discover = Post("server/discover", "", "");
  EXPECT_TRUE(Has(discover.body, kExtension)) << discover.body;
  for (const std::string name : {"a", "b"}) {
    const std::string id = name + "-t";
    EXPECT_EQ(Call(name + "-echo").body, Answered(Task("task", id)));
    EXPECT_EQ(About("tasks/get", id).body, Answered(Task("complete", id)));
    EXPECT_EQ(About("tasks/cancel", id).body, Answered(R"({"resultType":"complete"})"));
    const FakeMcpServer& server = name == "a" ? a_ : b_;
    EXPECT_EQ(server.Snapshot().requests.back().Header("mcp-name"), "t");
  }
  for (const char* id : {"t", "x-t", "a-x"}) {
    EXPECT_TRUE(Has(About("tasks/get", id).body, R"("code":-32602)")) << id;
  }
  EXPECT_TRUE(Has(About("tasks/get", "c-t").body, R"("code":-32601)")) << "of the era before";
  EXPECT_EQ(About("tasks/get", "c-t").status, 404);
}

TEST_F(ModernTasksTest, WhatASubscriptionSaysOfThemPasses) {
  Start(1);
  a_.SetScript([](const FakeRequest& request) {
    FakeAnswer answer = Tasks()(request);
    if (request.method == "subscriptions/listen") {
      const std::string meta =
          R"("_meta":{"io.modelcontextprotocol/subscriptionId":)" + request.id + "}";
      answer.form = FakeAnswer::Form::kSse;
      answer.before = {
          R"({"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"notifications":{"taskIds":["t"]},)" +
              meta + "}}",
          R"({"jsonrpc":"2.0","method":"notifications/tasks","params":{"taskId":"t","status":"completed",)" +
              meta + "}}"};
      answer.result = R"({"resultType":"complete",)" + meta + "}";
    }
    return answer;
  });
  const TestResponse response =
      Post("subscriptions/listen", R"("notifications":{"taskIds":["t"]})", "");
  EXPECT_TRUE(Has(
      response.body,
      R"("notifications/tasks","params":{"taskId":"t","status":"completed","_meta":{"io.modelcontextprotocol/subscriptionId":"m1"}})"))
      << response.body;
}

TEST_F(ModernTasksTest, AResultWithoutATypeGetsTheOneItHas) {
  Start(1);
  a_.SetScript([](const FakeRequest& request) {
    FakeAnswer answer = Tasks()(request);
    if (request.method == "tools/call") answer.result = R"({"content":[ ],"n":1e400})";
    return answer;
  });
  EXPECT_EQ(Call("echo").body, Answered(R"({"resultType":"complete","content":[ ],"n":1e400})"));
}

// Neither era's tasks are those of the other.
TEST(TasksBetweenErasTest, ACallerOfTheEraBeforeHasNoneOfANewServers) {
  for (const Protocol protocol : {Protocol::kModern, Protocol::kAuto}) {
    FakeMcpServer upstream{{.sessions = false}};
    upstream.SetScript(Tasks(/*is_modern_only=*/true));
    Config config = ConfigWith({{"new", upstream.url()}});
    config.servers[0].protocol = protocol;
    Bridge bridge(config);
    ASSERT_TRUE(bridge.WaitForTools("new"));
    TestHttpClient client(bridge.http_port());
    const TestResponse opened = client.Post(
        R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{"tasks":{},"extensions":{)" +
        std::string(kExtension) + R"(:{},"y":{}}},"clientInfo":{"name":"t","version":"1"}}})");
    EXPECT_FALSE(Has(opened.body, "tasks")) << opened.body;
    const Headers session{{"mcp-session-id", opened.headers.at("mcp-session-id")}};
    const TestResponse call = client.Post(
        R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","task":{"ttl":1}}})",
        session);
    EXPECT_TRUE(Has(call.body, R"("result":{"content":[]})")) << call.body;
    const std::string params = upstream.Snapshot().LastCall().params;
    EXPECT_FALSE(Has(params, R"("task")")) << params;
    EXPECT_FALSE(Has(params, kExtension)) << params;
    EXPECT_TRUE(Has(params, R"("y":{})")) << params;
    for (const char* method : {"tasks/get", "tasks/result", "tasks/list", "tasks/cancel"}) {
      const TestResponse refused =
          client.Post(R"({"jsonrpc":"2.0","id":1,"method":")" + std::string(method) +
                          R"(","params":{"taskId":"t"}})",
                      session);
      EXPECT_TRUE(Has(refused.body, R"("code":-32601)")) << method << refused.body;
    }
  }
}

TEST_F(ModernTasksTest, ACallerOfThisEraHasNoneOfAnOldServers) {
  c_.SetScript([](const FakeRequest& request) {
    FakeAnswer answer;
    if (request.method == "initialize") {
      answer.result =
          R"({"protocolVersion":"2025-11-25","capabilities":{"tools":{},"tasks":{"list":{},"requests":{"tools":{"call":{}}}}},"serverInfo":{"name":"fake","version":"1"}})";
    } else if (request.method == "tools/call" && Has(request.params, R"("task")")) {
      answer.result = R"({"task":{"taskId":"t"}})";
    }
    return answer;
  });
  bridge_.emplace(ConfigWith({{"old", c_.url()}}));
  ASSERT_TRUE(bridge_->WaitForTools("old"));
  EXPECT_FALSE(Has(Post("server/discover", "", "").body, "tasks"));
  const TestResponse call =
      Post("tools/call", R"("name":"echo","arguments":{"text":"hi"},"task":{"ttl":1})", "echo");
  EXPECT_TRUE(Has(call.body, R"("text":"hi")")) << call.body;
  EXPECT_FALSE(Has(c_.Snapshot().LastCall().params, R"("task")"));
  for (const char* method : {"tasks/get", "tasks/update", "tasks/cancel"}) {
    const TestResponse refused = About(method, "t");
    EXPECT_EQ(refused.status, 404);
    EXPECT_TRUE(Has(refused.body, R"("code":-32601)")) << refused.body;
  }
}

}  // namespace
}  // namespace mcpbridge::test

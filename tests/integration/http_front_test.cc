// What the HTTP front answers to good and bad requests, in a whole bridge.

#include <gtest/gtest.h>

#include <string>

#include "tests/fakes/fake_mcp_server.h"
#include "tests/fakes/test_http.h"
#include "tests/integration/bridge_fixture.h"

namespace mcpbridge::test {
namespace {

using Headers = TestHttpClient::Headers;

class HttpFrontTest : public testing::Test {
 protected:
  HttpFrontTest() { EXPECT_TRUE(bridge_.WaitForTools("fake")); }

  TestResponse Post(const std::string& body, const Headers& headers = {}) {
    return TestHttpClient(bridge_.http_port()).Post(body, headers);
  }
  TestResponse Request(const std::string& method, const std::string& path,
                       const std::string& body = "", const Headers& headers = {}) {
    return TestHttpClient(bridge_.http_port()).Request(method, path, body, headers);
  }

  FakeMcpServer upstream_;
  Bridge bridge_{ConfigWith({{"fake", upstream_.url()}})};
};

TEST_F(HttpFrontTest, ACallNeedsNoInitialize) {
  const TestResponse response = Post(CallMessage("\"seven\"", "echo", "h\xC3\xA9llo"));
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.headers.at("content-type"), "application/json");
  EXPECT_NE(response.body.find("\"id\":\"seven\""), std::string::npos);
  EXPECT_NE(response.body.find("h\xC3\xA9llo"), std::string::npos);
}

TEST_F(HttpFrontTest, EveryUrlLeadsToTheServer) {
  for (const char* path : {"/mcp", "/mcp/", "/mcp/fake", "/mcp/fake/", "/fake/mcp", "/fake/mcp/"}) {
    EXPECT_EQ(Request("POST", path, CallMessage("1", "echo", "x")).status, 200) << path;
  }
}

TEST_F(HttpFrontTest, AnAnswerToHeadHasNoBodyThatTheNextOneWouldBeReadFrom) {
  TestHttpClient client(bridge_.http_port());
  const TestResponse head = client.Request("HEAD", "/mcp", "");
  EXPECT_EQ(head.status, 405);
  EXPECT_NE(head.headers.at("content-length"), "0");
  const TestResponse next = client.Post(CallMessage("1", "echo", "x"));
  EXPECT_EQ(next.status, 200);
  EXPECT_TRUE(next.complete);
}

TEST_F(HttpFrontTest, InitializeNegotiatesAVersionOfTheLegacyEra) {
  const auto version = [this](const std::string& asked) {
    const TestResponse response =
        Post(R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":")" +
             asked + R"(","capabilities":{},"clientInfo":{"name":"t","version":"1"}}})");
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.headers.at("mcp-session-id").size(), 32u);
    const std::string key = "\"protocolVersion\":\"";
    return response.body.substr(response.body.find(key) + key.size(), 10);
  };
  for (const char* known : {"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"}) {
    EXPECT_EQ(version(known), known);
  }
  EXPECT_EQ(version("2026-07-28"), "2025-11-25");
  EXPECT_EQ(version("1999-01-01"), "2025-11-25");
}

TEST_F(HttpFrontTest, PingNotificationsAndResponses) {
  EXPECT_EQ(Post(R"({"jsonrpc":"2.0","id":5,"method":"ping"})").body,
            R"({"jsonrpc":"2.0","id":5,"result":{}})");
  for (const char* body : {R"({"jsonrpc":"2.0","method":"notifications/initialized"})",
                           R"({"jsonrpc":"2.0","id":1,"result":{}})"}) {
    const TestResponse response = Post(body);
    EXPECT_EQ(response.status, 202);
    EXPECT_EQ(response.body, "");
  }
}

TEST_F(HttpFrontTest, ListsTools) {
  const TestResponse response = Post(R"({"jsonrpc":"2.0","id":1,"method":"tools/list"})");
  EXPECT_EQ(response.status, 200);
  EXPECT_NE(response.body.find(R"("name":"echo")"), std::string::npos) << response.body;
  EXPECT_EQ(
      ReasonOf(
          Post(R"({"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"cursor":"x"}})").body),
      "INVALID_ARGUMENTS");
}

struct BadRequest {
  const char* what;
  const char* method;
  const char* path;
  std::string body;
  Headers headers;
  int status;
  const char* reason;
};

TEST_F(HttpFrontTest, BadRequestsGetATypedErrorAtOnce) {
  const std::string good = CallMessage("1", "echo", "x");
  const std::vector<BadRequest> cases = {
      {"malformed", "POST", "/mcp", "{", {}, 400, "INVALID_JSON"},
      {"empty", "POST", "/mcp", "", {}, 400, "INVALID_JSON"},
      {"batch of another version",
       "POST",
       "/mcp",
       "[" + good + "]",
       {{"MCP-Protocol-Version", "2025-06-18"}},
       400,
       "INVALID_REQUEST"},
      {"no jsonrpc", "POST", "/mcp", R"({"id":1,"method":"ping"})", {}, 400, "INVALID_REQUEST"},
      {"content type",
       "POST",
       "/mcp",
       good,
       {{"Content-Type", "text/plain"}},
       415,
       "UNSUPPORTED_MEDIA_TYPE"},
      {"Accept", "POST", "/mcp", good, {{"Accept", "text/html"}}, 406, "NOT_ACCEPTABLE"},
      {"too large", "POST", "/mcp", std::string(5 << 20, ' '), {}, 413, "REQUEST_TOO_LARGE"},
      {"unknown method",
       "POST",
       "/mcp",
       R"({"jsonrpc":"2.0","id":1,"method":"nope"})",
       {},
       200,
       "METHOD_NOT_FOUND"},
      {"probe of 2026",
       "POST",
       "/mcp",
       R"({"jsonrpc":"2.0","id":1,"method":"server/discover"})",
       {},
       200,
       "METHOD_NOT_FOUND"},
      {"unknown tool", "POST", "/mcp", CallMessage("1", "nope", "x"), {}, 200, "TOOL_NOT_FOUND"},
      {"no name",
       "POST",
       "/mcp",
       R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{}})",
       {},
       200,
       "INVALID_ARGUMENTS"},
      {"no params",
       "POST",
       "/mcp",
       R"({"jsonrpc":"2.0","id":1,"method":"tools/call"})",
       {},
       200,
       "INVALID_ARGUMENTS"},
      {"unknown server", "POST", "/mcp/nope", good, {}, 404, "SERVER_NOT_FOUND"},
      {"unknown path", "POST", "/nope", good, {}, 404, "PATH_NOT_FOUND"},
      {"get", "GET", "/mcp", "", {{"Accept", "text/event-stream"}}, 405, "METHOD_NOT_ALLOWED"},
      {"delete", "DELETE", "/mcp", "", {}, 404, "SESSION_NOT_FOUND"},
      {"put", "PUT", "/mcp", "", {}, 405, "METHOD_NOT_ALLOWED"},
      {"origin",
       "POST",
       "/mcp",
       good,
       {{"origin", "http://evil.example.com"}},
       403,
       "ORIGIN_NOT_ALLOWED"},
      {"host", "POST", "/mcp", good, {{"Host", "evil.example.com"}}, 403, "HOST_NOT_ALLOWED"},
      {"version",
       "POST",
       "/mcp",
       good,
       {{"mcp-protocol-version", "2027-01-01"}},
       400,
       "UNSUPPORTED_PROTOCOL_VERSION"},
      {"no _meta",
       "POST",
       "/mcp",
       good,
       {{"mcp-protocol-version", "2026-07-28"}},
       400,
       "INVALID_ARGUMENTS"},
      {"timeout", "POST", "/mcp", good, {{"grpc-timeout", "soon"}}, 400, "INVALID_REQUEST"},
  };
  for (const BadRequest& bad : cases) {
    const TestResponse response = Request(bad.method, bad.path, bad.body, bad.headers);
    EXPECT_EQ(response.status, bad.status) << bad.what;
    EXPECT_EQ(ReasonOf(response.body), bad.reason) << bad.what << ": " << response.body;
    EXPECT_EQ(response.body.find("\"id\":null"), std::string::npos) << bad.what;
    // Whoever is let in to MCP is told which request an error is about, where the body says it.
    const bool read = response.status != 403 && bad.reason != std::string("PATH_NOT_FOUND");
    const bool has_id = bad.body.starts_with('{') && bad.body.find("\"id\":1") != std::string::npos;
    EXPECT_EQ(response.body.find("\"id\":1") != std::string::npos, read && has_id)
        << bad.what << ": " << response.body;
  }
  // Clients choose among these.
  EXPECT_NE(
      Request("POST", "/mcp", good, {{"mcp-protocol-version", "2027-01-01"}})
          .body.find(
              R"("supported":["2026-07-28","2025-11-25","2025-06-18","2025-03-26","2024-11-05"],"requested":"2027-01-01")"),
      std::string::npos);
  EXPECT_EQ(Request("GET", "/mcp").headers.at("allow"), "POST, DELETE");
  EXPECT_EQ(upstream_.Snapshot().CountCalls("echo"), 0u);
}

TEST_F(HttpFrontTest, WhatIsNotHttpIsRefused) {
  EXPECT_EQ(Request("G@T", "/mcp").status, 400);
  EXPECT_EQ(Request("POST", "/mcp", "", {{"x-large", std::string(20000, 'a')}}).status, 431);
}

TEST_F(HttpFrontTest, OneConnectionServesManyRequestsEvenPipelined) {
  TestHttpClient client(bridge_.http_port());
  for (int i = 0; i < 3; ++i)
    client.Send(CallMessage(std::to_string(i), "echo", "t" + std::to_string(i)));
  for (int i = 0; i < 3; ++i) {
    const TestResponse response = client.Receive();
    EXPECT_NE(response.body.find("\"id\":" + std::to_string(i)), std::string::npos);
    EXPECT_NE(response.body.find("\"t" + std::to_string(i) + "\""), std::string::npos);
  }
}

TEST_F(HttpFrontTest, OneUpstreamRequestPerCall) {
  const std::size_t before = upstream_.Snapshot().requests.size();
  for (int i = 0; i < 20; ++i) EXPECT_EQ(Post(CallMessage("1", "echo", "x")).status, 200);
  EXPECT_EQ(upstream_.Snapshot().requests.size(), before + 20);
}

TEST_F(HttpFrontTest, CancelledNotificationReachesItsOwnCallOnly) {
  FakeAnswer held;
  held.hold = true;
  upstream_.OnTool("slow", held);
  TestHttpClient mine(bridge_.http_port());
  TestHttpClient stranger(bridge_.http_port());
  TestHttpClient stateless(bridge_.http_port());
  const auto open = [this] {
    return Post(
               R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18"}})")
        .headers["mcp-session-id"];
  };
  const std::string session = open();
  mine.Send(CallMessage("1", "slow", "mine"), {{"mcp-session-id", session}});
  stranger.Send(CallMessage("1", "slow", "stranger"), {{"mcp-session-id", open()}});
  stateless.Send(CallMessage("1", "slow", "stateless"));
  ASSERT_TRUE(
      upstream_.WaitFor([](const auto& record) { return record.held.size() == 3; }, kPatience));
  const std::string cancel =
      R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}})";
  EXPECT_EQ(Post(cancel).status, 202);
  EXPECT_EQ(
      Post(R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"1"}})",
           {{"mcp-session-id", session}})
          .status,
      202);
  EXPECT_EQ(Post(cancel, {{"mcp-session-id", session}}).status, 202);
  EXPECT_EQ(ReasonOf(mine.Receive().body), "CANCELLED");
  ASSERT_TRUE(
      upstream_.WaitFor([](const auto& record) { return record.cancels.size() == 1; }, kPatience));
  EXPECT_EQ(upstream_.ReleaseAll(), 2u);
  EXPECT_NE(stranger.Receive().body.find("\"stranger\""), std::string::npos);
  EXPECT_NE(stateless.Receive().body.find("\"stateless\""), std::string::npos);
  EXPECT_EQ(upstream_.Snapshot().cancels.size(), 1u);
}

TEST_F(HttpFrontTest, HealthForProbes) {
  EXPECT_EQ(Request("GET", "/healthz").status, 200);
  EXPECT_EQ(Request("GET", "/readyz").status, 200);
}

TEST(HttpFrontKeyTest, TheMasterKeyIsNeededWhereThereIsOne) {
  FakeMcpServer upstream;
  Config config = ConfigWith({{"fake", upstream.url()}});
  config.master_key = "sk-secret";
  Bridge bridge(config);
  const auto status = [&](const Headers& headers) {
    const TestResponse response = TestHttpClient(bridge.http_port())
                                      .Post(R"({"jsonrpc":"2.0","id":1,"method":"ping"})", headers);
    EXPECT_EQ(response.body.find("sk-secret"), std::string::npos);
    return response.status;
  };
  EXPECT_EQ(status({}), 401);
  EXPECT_EQ(status({{"authorization", "Bearer sk-wrong"}}), 401);
  EXPECT_EQ(status({{"authorization", "sk-secret"}}), 401);
  EXPECT_EQ(status({{"authorization", "Bearer sk-secret"}}), 200);
  EXPECT_EQ(status({{"x-litellm-api-key", "sk-secret"}}), 200);
  EXPECT_EQ(status({{"x-litellm-api-key", "Bearer sk-secret"}, {"authorization", "Bearer other"}}),
            200);
  EXPECT_EQ(status({{"x-litellm-api-key", "sk-wrong"}, {"authorization", "Bearer sk-secret"}}),
            401);
}

TEST(HttpFrontHeadersTest, OnlyNamedHeadersReachTheServer) {
  FakeMcpServer upstream;
  Config config = ConfigWith({{"fake", upstream.url()}});
  config.servers[0].extra_headers = {"x-user"};
  config.servers[0].headers = {{"X-API-Key", "static"}};
  Bridge bridge(config);
  ASSERT_TRUE(bridge.WaitForTools("fake"));
  TestHttpClient(bridge.http_port())
      .Post(CallMessage("1", "echo", "x"),
            {{"x-user", "ann"}, {"x-other", "no"}, {"authorization", "Bearer caller"}});
  const FakeRequest request = upstream.Snapshot().LastCall();
  EXPECT_EQ(request.Header("x-user"), "ann");
  EXPECT_EQ(request.Header("x-api-key"), "static");
  EXPECT_EQ(request.Header("x-other"), "");
  EXPECT_EQ(request.Header("authorization"), "");
}

TEST(HttpFrontHeadersTest, TheBridgesOwnKeyGoesNoFurther) {
  FakeMcpServer upstream;
  Config config = ConfigWith({{"fake", upstream.url()}});
  config.master_key = "sk-secret";
  config.servers[0].extra_headers = {"authorization", "x-litellm-api-key"};
  Bridge bridge(config);
  const auto forwarded = [&](const Headers& headers) {
    const std::size_t before = upstream.Snapshot().CountCalls("echo");
    TestHttpClient(bridge.http_port()).Post(CallMessage("1", "echo", "x"), headers);
    const auto record = upstream.Snapshot();
    EXPECT_EQ(record.CountCalls("echo"), before + 1);
    EXPECT_EQ(record.LastCall().Header("x-litellm-api-key"), "");
    return record.LastCall().Header("authorization");
  };
  EXPECT_EQ(forwarded({{"authorization", "Bearer sk-secret"}}), "");
  EXPECT_EQ(forwarded({{"x-litellm-api-key", "sk-secret"}, {"authorization", "Bearer theirs"}}),
            "Bearer theirs");
}

TEST(HttpFrontManyServersTest, NamesArePrefixedAndAFailingServerIsNamed) {
  FakeMcpServer one;
  FakeMcpServer two;
  std::string dead;
  {
    FakeMcpServer gone;
    dead = gone.url();
  }
  Bridge bridge(ConfigWith({{"dead", dead}, {"one", one.url()}, {"two", two.url()}}));
  ASSERT_TRUE(bridge.WaitForTools("one"));
  ASSERT_TRUE(bridge.WaitForTools("two"));
  TestHttpClient client(bridge.http_port());
  const std::string list = client.Post(R"({"jsonrpc":"2.0","id":1,"method":"tools/list"})").body;
  EXPECT_NE(list.find(R"("one-echo")"), std::string::npos) << list;
  EXPECT_NE(list.find(R"("two-echo")"), std::string::npos) << list;
  EXPECT_NE(list.find(R"("server":"dead")"), std::string::npos) << list;
  EXPECT_NE(client.Post(CallMessage("1", "two-echo", "for two")).body.find("for two"),
            std::string::npos);
  EXPECT_EQ(two.Snapshot().LastCall().tool, "echo");
  EXPECT_EQ(one.Snapshot().CountCalls("echo"), 0u);
  EXPECT_EQ(ReasonOf(client.Post(CallMessage("1", "echo", "x")).body), "TOOL_AMBIGUOUS");
  EXPECT_EQ(ReasonOf(client.Post(CallMessage("1", "dead-echo", "x")).body), "UPSTREAM_UNAVAILABLE");
  EXPECT_NE(client.Request("POST", "/two/mcp", CallMessage("1", "echo", "bare")).body.find("bare"),
            std::string::npos);
}

}  // namespace
}  // namespace mcpbridge::test

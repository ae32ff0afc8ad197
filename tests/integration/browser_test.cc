// Clients in a browser: preflights, and what lets a page read the answers.

#include <gtest/gtest.h>

#include <string>

#include "tests/fakes/fake_mcp_server.h"
#include "tests/fakes/test_http.h"
#include "tests/integration/bridge_fixture.h"

namespace mcpbridge::test {
namespace {

using Headers = TestHttpClient::Headers;

constexpr char kPage[] = "https://app.example.com";
constexpr char kAllowed[] = "access-control-allow-origin";

class BrowserTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(bridge_.WaitForTools("fake")); }

  Config WithPage() {
    Config config = ConfigWith({{"fake", upstream_.url()}});
    config.bridge.allowed_origins = {kPage};
    config.bridge.limits.request_bytes = 1 << 20;
    config.master_key = "sk-1";
    return config;
  }

  TestResponse Request(const std::string& method, const std::string& body, Headers headers) {
    return TestHttpClient(bridge_.http_port()).Request(method, "/mcp", body, headers);
  }
  TestResponse Preflight(const std::string& origin) {
    return Request("OPTIONS", "",
                   {{"Origin", origin},
                    {"Access-Control-Request-Method", "POST"},
                    {"Access-Control-Request-Headers", "authorization,mcp-param-x"}});
  }

  FakeMcpServer upstream_;
  Bridge bridge_{WithPage()};
  const Headers page_{{"Origin", kPage}, {"Authorization", "Bearer sk-1"}};
};

TEST_F(BrowserTest, APreflightNeedsNoKey) {
  const TestResponse answer = Preflight(kPage);
  EXPECT_EQ(answer.status, 204);
  EXPECT_EQ(answer.body, "");
  EXPECT_EQ(answer.headers.at(kAllowed), kPage);
  EXPECT_EQ(answer.headers.at("access-control-allow-methods"), "POST, GET, DELETE");
  EXPECT_EQ(answer.headers.at("access-control-allow-headers"), "authorization, mcp-param-x");
  EXPECT_EQ(answer.headers.at("vary"), "Origin");
  EXPECT_EQ(answer.headers.count("content-length"), 0u);
}

TEST_F(BrowserTest, OtherPagesGetNothing) {
  for (const char* other : {"https://evil.example.com", "null", "*"}) {
    for (const TestResponse& answer :
         {Preflight(other), Request("POST", CallMessage("1", "echo", "x"),
                                    {{"Origin", other}, {"Authorization", "Bearer sk-1"}})}) {
      EXPECT_EQ(answer.status, 403) << other;
      EXPECT_EQ(answer.headers.count(kAllowed), 0u);
    }
  }
  EXPECT_EQ(upstream_.Snapshot().CountCalls("echo"), 0u);
}

TEST_F(BrowserTest, EveryAnswerCanBeRead) {
  const auto expect = [this](const char* what, int status, const std::string& method,
                             const std::string& body, const Headers& headers) {
    TestResponse answer = Request(method, body, headers);
    EXPECT_EQ(answer.status, status) << what;
    EXPECT_EQ(answer.headers[kAllowed], kPage) << what;
    EXPECT_EQ(answer.headers["access-control-expose-headers"], "Mcp-Session-Id, WWW-Authenticate");
    return answer;
  };
  const std::string call = CallMessage("1", "echo", "x");
  expect("a result", 200, "POST", call, page_);
  expect("bad JSON", 400, "POST", "{", page_);
  expect("too large", 413, "POST", std::string(2 << 20, ' '), page_);
  EXPECT_EQ(expect("no key", 401, "POST", call, {{"Origin", kPage}}).headers["www-authenticate"],
            "Bearer");
  EXPECT_NE(expect("PUT", 405, "PUT", "", page_).headers["allow"].find("POST"), std::string::npos);
  EXPECT_NE(expect("no preflight", 405, "OPTIONS", "", page_).headers["allow"], "");
  upstream_.OnTool("echo", {.form = FakeAnswer::Form::kSse,
                            .before = {R"({"jsonrpc":"2.0","method":"notifications/message",)"
                                       R"("params":{"level":"info","data":1}})"}});
  const TestResponse events = expect("events", 200, "POST", call, page_);
  EXPECT_EQ(events.headers.at("content-type"), "text/event-stream");
}

// The headers are one request's, not the connection's.
TEST_F(BrowserTest, WithoutAnOriginNothingIsSaid) {
  TestHttpClient client(bridge_.http_port());
  const std::string call = CallMessage("1", "echo", "x");
  EXPECT_EQ(client.Post(call, page_).headers.count(kAllowed), 1u);
  const TestResponse answer = client.Post(call, {{"Authorization", "Bearer sk-1"}});
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers.count(kAllowed) + answer.headers.count("vary"), 0u);
}

}  // namespace
}  // namespace mcpbridge::test

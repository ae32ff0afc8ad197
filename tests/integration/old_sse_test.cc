// Clients of HTTP+SSE, the transport of MCP 2024-11-05.

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>

#include "tests/fakes/fake_mcp_server.h"
#include "tests/fakes/test_http.h"
#include "tests/integration/bridge_fixture.h"

namespace mcpbridge::test {
namespace {

using Headers = TestHttpClient::Headers;

constexpr char kInitialize[] =
    R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2024-11-05","capabilities":{"roots":{}},"clientInfo":{"name":"old","version":"1"}}})";

class OldSseTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(bridge_.WaitForTools("fake")); }

  // An open stream and where to post to.
  struct Client {
    std::unique_ptr<TestEventStream> stream;
    std::string endpoint;
  };
  Client Open(const std::string& path = "/sse") {
    Client client;
    client.stream = std::make_unique<TestEventStream>(
        bridge_.http_port(), Headers{{"Accept", "text/event-stream"}}, path);
    EXPECT_EQ(client.stream->status(), 200);
    const auto event = client.stream->Next();
    if (event) client.endpoint = event->data;
    EXPECT_EQ(event ? event->type : "", "endpoint");
    return client;
  }
  Client Initialized() {
    Client client = Open();
    EXPECT_EQ(Post(client, kInitialize).status, 202);
    const auto answer = client.stream->Next();
    EXPECT_NE((answer ? answer->data : "").find(R"("protocolVersion":"2024-11-05")"),
              std::string::npos);
    Post(client, R"({"jsonrpc":"2.0","method":"notifications/initialized"})");
    return client;
  }
  TestResponse Post(const Client& client, const std::string& body) {
    return TestHttpClient(bridge_.http_port()).Request("POST", client.endpoint, body);
  }

  FakeMcpServer upstream_;
  Bridge bridge_{ConfigWith({{"fake", upstream_.url()}})};
};

TEST_F(OldSseTest, AllAnswersComeOnTheStream) {
  Client client = Initialized();
  EXPECT_EQ(client.endpoint.find("/sse/messages?session_id="), 0u);
  const TestResponse posted = Post(client, CallMessage(R"("c-1")", "echo", "h\\u00e9llo"));
  EXPECT_EQ(posted.status, 202);
  const auto answer = client.stream->Next();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->type, "message");
  EXPECT_TRUE(answer->id.empty()) << "this stream can't be taken up again";
  EXPECT_NE(answer->data.find(R"("id":"c-1","result")"), std::string::npos) << answer->data;
  EXPECT_NE(answer->data.find("llo"), std::string::npos);
  Post(client, R"({"jsonrpc":"2.0","id":2,"method":"tools/list"})");
  EXPECT_NE(client.stream->Next()->data.find(R"("tools":[)"), std::string::npos);
  Post(client, R"({"jsonrpc":"2.0","id":3,"method":"ping"})");
  EXPECT_EQ(client.stream->Next()->data, R"({"jsonrpc":"2.0","id":3,"result":{}})");
}

TEST_F(OldSseTest, WhatComesBeforeAnAnswerComesBeforeIt) {
  upstream_.SetScript([](const FakeRequest& request) {
    FakeAnswer answer;
    if (request.method != "tools/call") return answer;
    answer.form = FakeAnswer::Form::kSse;
    answer.before = {R"({"jsonrpc":"2.0","method":"notifications/message","params":{"n":1}})"};
    return answer;
  });
  Client client = Initialized();
  Post(client, CallMessage("1", "echo", "x"));
  EXPECT_EQ(client.stream->Next()->data,
            R"({"jsonrpc":"2.0","method":"notifications/message","params":{"n":1}})");
  EXPECT_NE(client.stream->Next()->data.find(R"("id":1,"result")"), std::string::npos);
}

TEST_F(OldSseTest, ManyCallsAtOnceEachGetTheirOwnAnswer) {
  Client client = Initialized();
  constexpr int kCalls = 50;
  for (int i = 1; i <= kCalls; ++i) {
    Post(client, CallMessage(std::to_string(i), "echo", "text-" + std::to_string(i) + "."));
  }
  for (int i = 0; i < kCalls; ++i) {
    const auto answer = client.stream->Next();
    ASSERT_TRUE(answer);
    const std::size_t id = answer->data.find("\"id\":") + 5;
    const std::string number = answer->data.substr(id, answer->data.find(',', id) - id);
    EXPECT_NE(answer->data.find("text-" + number + "."), std::string::npos) << answer->data;
  }
}

TEST_F(OldSseTest, ALargeAnswerComesWhole) {
  Client client = Initialized();
  const std::string text(3 << 20, 'x');
  Post(client, CallMessage("1", "echo", text));
  const auto answer = client.stream->Next();
  ASSERT_TRUE(answer);
  EXPECT_NE(answer->data.find(text), std::string::npos);
}

TEST_F(OldSseTest, WhatBelongsToNoRequestComesToo) {
  Client client = Initialized();
  bridge_.app().sessions().OnListChanged(0, ListKind::kTools);
  EXPECT_EQ(client.stream->Next()->data,
            R"({"jsonrpc":"2.0","method":"notifications/tools/list_changed"})");
}

TEST_F(OldSseTest, TheEndOfTheStreamIsThatOfItsSessionAndItsCalls) {
  FakeAnswer slow;
  slow.hold = true;
  upstream_.OnTool("slow", slow);
  Client client = Initialized();
  Client other = Initialized();
  Post(client, CallMessage("1", "slow", "x"));
  Post(other, CallMessage("1", "slow", "of another"));
  ASSERT_TRUE(
      upstream_.WaitFor([](const auto& record) { return record.held.size() == 2; }, kPatience));
  EXPECT_EQ(bridge_.app().sessions().size(), 2u);
  client.stream->Close();
  ASSERT_TRUE(
      upstream_.WaitFor([](const auto& record) { return record.cancels.size() == 1; }, kPatience));
  EXPECT_EQ(Post(client, CallMessage("2", "echo", "x")).status, 404);
  EXPECT_EQ(bridge_.app().sessions().size(), 1u);
  upstream_.ReleaseAll();
  EXPECT_NE(other.stream->Next()->data.find("of another"), std::string::npos);
}

TEST_F(OldSseTest, ASecondInitializeRefusesWhatTheFirstWasAsked) {
  upstream_.SetScript([](const FakeRequest& request) {
    FakeAnswer answer;
    if (request.method != "tools/call") return answer;
    answer.form = FakeAnswer::Form::kSse;
    answer.hold = true;
    answer.before = {R"({"jsonrpc":"2.0","id":"q","method":"sampling/createMessage","params":{}})"};
    return answer;
  });
  const std::string initialize =
      R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2024-11-05","capabilities":{"sampling":{}},"clientInfo":{"name":"t","version":"1"}}})";
  Client client = Open();
  Post(client, initialize);
  EXPECT_TRUE(Has(client.stream->Next()->data, R"("id":0,"result")"));
  Post(client, CallMessage("1", "echo", "x"));
  EXPECT_TRUE(Has(client.stream->Next()->data, "sampling/createMessage"));
  Post(client, initialize);
  EXPECT_TRUE(Has(client.stream->Next()->data, R"("id":0,"result")"));
  EXPECT_TRUE(upstream_.WaitFor(
      [](const auto& record) {
        return std::ranges::any_of(record.requests, [](const FakeRequest& request) {
          return request.body.starts_with(R"({"jsonrpc":"2.0","id":"q","error":{)");
        });
      },
      kPatience));
}

TEST_F(OldSseTest, ACallIsCancelledBySayingSo) {
  FakeAnswer slow;
  slow.hold = true;
  upstream_.OnTool("slow", slow);
  Client client = Initialized();
  Post(client, CallMessage("7", "slow", "x"));
  ASSERT_TRUE(
      upstream_.WaitFor([](const auto& record) { return record.held.size() == 1; }, kPatience));
  Post(client, R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}})");
  EXPECT_EQ(ReasonOf(client.stream->Next()->data), "CANCELLED");
  EXPECT_TRUE(
      upstream_.WaitFor([](const auto& record) { return record.cancels.size() == 1; }, kPatience));
}

TEST_F(OldSseTest, WhatIsWrongIsSaidAtOnce) {
  Client client = Open("/fake/sse");
  EXPECT_EQ(Post(client, "{").status, 400);
  TestHttpClient http(bridge_.http_port());
  EXPECT_EQ(http.Request("POST", "/sse", kInitialize).status, 405);
  EXPECT_EQ(http.Request("POST", "/sse/messages?session_id=nobody", kInitialize).status, 404);
  EXPECT_EQ(http.Request("GET", "/nobody/sse", "").status, 404);
  EXPECT_EQ(http.Request("GET", "/sse", "", {{"Origin", "https://evil.example.com"}}).status, 403);
}

}  // namespace
}  // namespace mcpbridge::test

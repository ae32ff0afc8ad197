#include "tests/fakes/fake_mcp_server.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/fakes/fake_json.h"
#include "tests/fakes/test_http.h"

namespace mcpbridge {
namespace {

std::string Initialize() {
  return R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25"}})";
}

std::string Call(int id, const std::string& tool, const std::string& text = "hello") {
  return R"({"jsonrpc":"2.0","id":)" + std::to_string(id) +
         R"(,"method":"tools/call","params":{"name":")" + tool + R"(","arguments":{"text":")" +
         text + R"("}}})";
}

std::string Cancel(int id) {
  return R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":)" +
         std::to_string(id) + "}}";
}

class FakeMcpServerTest : public testing::Test {
 protected:
  FakeMcpServer server_{FakeMcpServer::Options{.sessions = false}};
  TestHttpClient client_{server_.port()};
};

TEST_F(FakeMcpServerTest, AnswersAndRecords) {
  EXPECT_EQ(client_.Post(Initialize()).status, 200);
  const TestResponse response = client_.Post(Call(7, "echo", "a\\\"b"), {{"X-Key", "v"}});
  EXPECT_EQ(response.body,
            R"({"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"a\"b"}]}})");
  const FakeMcpServer::Record record = server_.Snapshot();
  EXPECT_EQ(record.Count("initialize"), 1u);
  EXPECT_EQ(record.CountCalls("echo"), 1u);
  EXPECT_EQ(record.connections_opened, 1);
  EXPECT_EQ(record.requests.back().id, "7");
  EXPECT_EQ(record.requests.back().text, "a\"b");
  EXPECT_EQ(record.requests.back().Header("x-key"), "v");
}

TEST_F(FakeMcpServerTest, KeepsSessions) {
  FakeMcpServer server;
  TestHttpClient client(server.port());
  EXPECT_EQ(client.Post(Call(1, "echo")).status, 400);
  const TestResponse opened = client.Post(Initialize());
  const TestHttpClient::Headers session = {{"Mcp-Session-Id", opened.headers.at("mcp-session-id")}};
  EXPECT_EQ(client.Post(Call(1, "echo"), session).status, 200);
  server.DropSessions();
  const TestResponse lost = client.Post(Call(2, "echo"), session);
  EXPECT_EQ(lost.status, 404);
  EXPECT_EQ(JsonMembers(lost.body)["id"], "2");
  const TestHttpClient::Headers again = {
      {"Mcp-Session-Id", client.Post(Initialize()).headers.at("mcp-session-id")}};
  EXPECT_EQ(client.Request("DELETE", "/mcp", "", again).status, 200);
  EXPECT_EQ(client.Request("DELETE", "/mcp", "", again).status, 404);
  EXPECT_EQ(server.Snapshot().Count("DELETE"), 2u);
  EXPECT_EQ(server.Snapshot().sessions_opened, 2);
}

TEST_F(FakeMcpServerTest, ReleasesHeldCallsInAnyOrder) {
  server_.OnTool("slow", {.hold = true});
  TestHttpClient other(server_.port());
  client_.Send(Call(1, "slow", "one"));
  other.Send(Call(2, "slow", "two"));
  ASSERT_TRUE(server_.WaitFor([](const auto& record) { return record.held.size() == 2; }));
  EXPECT_TRUE(server_.Release("2"));
  EXPECT_NE(other.Receive().body.find("two"), std::string::npos);
  EXPECT_FALSE(server_.Release("2"));
  EXPECT_EQ(server_.ReleaseAll(), 1u);
  EXPECT_NE(client_.Receive().body.find("one"), std::string::npos);
}

TEST_F(FakeMcpServerTest, DropsCancelledCalls) {
  server_.OnTool("slow", {.never = true});
  client_.Send(Call(1, "slow"));
  ASSERT_TRUE(server_.WaitFor([](const auto& record) { return record.held.size() == 1; }));
  EXPECT_EQ(server_.ReleaseAll(), 0u);
  TestHttpClient other(server_.port());
  EXPECT_EQ(other.Post(Cancel(1)).status, 202);
  EXPECT_EQ(client_.Receive().status, 0);
  EXPECT_EQ(server_.Snapshot().cancels, std::vector<std::string>{"1"});
}

TEST_F(FakeMcpServerTest, AnswersACancelledCallIfAskedTo) {
  server_.OnTool("slow", {.hold = true, .answer_cancelled = true});
  client_.Send(Call(1, "slow"));
  ASSERT_TRUE(server_.WaitFor([](const auto& record) { return record.held.size() == 1; }));
  TestHttpClient(server_.port()).Post(Cancel(1));
  EXPECT_EQ(client_.Receive().status, 200);
}

TEST_F(FakeMcpServerTest, NoticesThatTheCallerLeft) {
  server_.OnTool("slow", {.hold = true});
  client_.Send(Call(5, "slow"));
  ASSERT_TRUE(server_.WaitFor([](const auto& record) { return record.held.size() == 1; }));
  client_.Close();
  EXPECT_TRUE(server_.WaitFor(
      [](const auto& record) { return record.disconnected == std::vector<std::string>{"5"}; }));
  EXPECT_EQ(server_.Snapshot().connections_closed, 1);
}

TEST_F(FakeMcpServerTest, Streams) {
  server_.OnTool("slow", {.form = FakeAnswer::Form::kSse,
                          .before = {R"({"jsonrpc":"2.0","method":"notifications/message"})"},
                          .priming = true,
                          .crlf = true,
                          .piece_bytes = 9});
  const TestResponse response = client_.Post(Call(1, "slow", "x"));
  EXPECT_EQ(response.headers.at("content-type"), "text/event-stream");
  EXPECT_EQ(
      response.body,
      "id: 1\r\nretry: 50\r\ndata: \r\n\r\n"
      "event: message\r\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\"}\r\n\r\n"
      "event: message\r\ndata: " +
          ResultMessage("1", TextResult("\"x\"")) + "\r\n\r\n");
}

TEST_F(FakeMcpServerTest, SendsBodiesInEveryForm) {
  const std::string want = ResultMessage("1", TextResult("\"x\""));
  server_.OnTool("chunked", {.chunked = true});
  server_.OnTool("until_close", {.close_delimited = true});
  server_.OnTool("padded", {.pad_bytes = 1 << 20});
  server_.OnTool("closing", {.connection_close = true});
  EXPECT_EQ(client_.Post(Call(1, "chunked", "x")).body, want);
  EXPECT_EQ(client_.Post(Call(1, "padded", "x")).body.size(), want.size() + (1 << 20));
  EXPECT_EQ(client_.Post(Call(1, "until_close", "x")).body, want);
  TestHttpClient other(server_.port());
  EXPECT_EQ(other.Post(Call(1, "closing", "x")).headers.at("connection"), "close");
  EXPECT_EQ(other.Post(Call(1, "closing", "x")).status, 0);
}

TEST_F(FakeMcpServerTest, CutsAnswersShort) {
  using Cut = FakeAnswer::Cut;
  const auto answer_cut = [this](FakeAnswer::Form form, Cut cut) {
    server_.OnTool("cut", {.form = form, .priming = true, .cut = cut});
    return TestHttpClient(server_.port()).Post(Call(1, "cut"));
  };
  using Form = FakeAnswer::Form;
  EXPECT_EQ(answer_cut(Form::kJson, Cut::kBeforeHeaders).status, 0);
  EXPECT_EQ(answer_cut(Form::kJson, Cut::kAfterHeaders).body, "");
  EXPECT_EQ(answer_cut(Form::kSse, Cut::kBeforeAnswer).body, "id: 1\nretry: 50\ndata: \n\n");
  const TestResponse half = answer_cut(Form::kJson, Cut::kHalfway);
  EXPECT_EQ(half.status, 200);
  EXPECT_FALSE(half.complete);
  EXPECT_FALSE(half.body.empty());
}

TEST_F(FakeMcpServerTest, AnswersNonsense) {
  server_.SetScript([](const FakeRequest& request) -> FakeAnswer {
    if (request.tool == "garbage") return {.body = "}{"};
    if (request.tool == "html") return {.content_type = "text/html", .body = "<p>"};
    if (request.tool == "error") return {.error = R"({"code":-1,"message":"m"})"};
    if (request.tool == "other_id") return {.id = "99"};
    if (request.tool == "500") return {.http_status = 500};
    return {};
  });
  EXPECT_EQ(client_.Post(Call(1, "garbage")).body, "}{");
  EXPECT_EQ(client_.Post(Call(1, "html")).headers.at("content-type"), "text/html");
  EXPECT_EQ(client_.Post(Call(1, "error")).body,
            R"({"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"m"}})");
  EXPECT_EQ(JsonMembers(client_.Post(Call(1, "other_id")).body)["id"], "99");
  EXPECT_EQ(client_.Post(Call(1, "500")).status, 500);
}

TEST_F(FakeMcpServerTest, CanBeAway) {
  const std::uint16_t port = server_.port();
  EXPECT_EQ(client_.Post(Call(1, "echo")).status, 200);
  server_.StopListening();
  EXPECT_EQ(TestHttpClient(port).Post(Call(1, "echo")).status, 0);
  EXPECT_EQ(client_.Post(Call(1, "echo")).status, 200);
  server_.CloseConnections();
  EXPECT_EQ(client_.Post(Call(1, "echo")).status, 0);
  server_.Listen();
  EXPECT_EQ(TestHttpClient(port).Post(Call(1, "echo")).status, 200);
}

}  // namespace
}  // namespace mcpbridge

// How the bridge copes with what HTTP servers do.

#include <gtest/gtest.h>

#include <string>

#include "tests/fakes/fake_mcp_server.h"
#include "tests/fakes/test_http.h"
#include "tests/integration/bridge_fixture.h"

namespace mcpbridge::test {
namespace {

class UpstreamHttpTest : public testing::Test {
 protected:
  UpstreamHttpTest() { EXPECT_TRUE(bridge_.WaitForTools("fake")); }

  std::string Call(const std::string& text) {
    return TestHttpClient(bridge_.http_port()).Post(CallMessage("1", "echo", text)).body;
  }
  std::string CallWith(const FakeAnswer& answer) {
    upstream_.OnTool("echo", answer);
    return Call("hello");
  }
  static bool IsHello(const std::string& body) {
    return body.find("\"hello\"") != std::string::npos &&
           body.find("\"result\"") != std::string::npos;
  }

  FakeMcpServer upstream_;
  Bridge bridge_{ConfigWith({{"fake", upstream_.url()}})};
};

TEST_F(UpstreamHttpTest, AnswersInEveryFormArrive) {
  for (const auto form : {FakeAnswer::Form::kJson, FakeAnswer::Form::kSse}) {
    for (const bool flag : {false, true}) {
      for (const std::size_t piece : {0u, 1u}) {
        FakeAnswer answer;
        answer.form = form;
        answer.piece_bytes = piece;
        answer.chunked = flag;
        answer.crlf = flag;
        answer.priming = flag;
        answer.connection_close = flag;
        if (form == FakeAnswer::Form::kSse) {
          answer.before = {
              R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":1}})",
              R"({"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"x"}})"};
        }
        EXPECT_TRUE(IsHello(CallWith(answer)));
      }
    }
  }
  FakeAnswer to_the_end;
  to_the_end.close_delimited = true;
  EXPECT_TRUE(IsHello(CallWith(to_the_end)));
  EXPECT_EQ(upstream_.Snapshot().Count("initialize"), 1u);
}

TEST_F(UpstreamHttpTest, LargeAnswersArriveWhole) {
  FakeAnswer answer;
  answer.pad_bytes = 10 << 20;
  for (const auto form : {FakeAnswer::Form::kJson, FakeAnswer::Form::kSse}) {
    answer.form = form;
    const std::string body = CallWith(answer);
    EXPECT_TRUE(IsHello(body));
  }
}

TEST_F(UpstreamHttpTest, FaultsBecomeTypedErrorsAtOnce) {
  using Cut = FakeAnswer::Cut;
  const auto expect = [this](const FakeAnswer& answer, const std::string& reason, int line) {
    EXPECT_EQ(ReasonOf(CallWith(answer)), reason) << "line " << line;
  };
  for (const Cut cut : {Cut::kBeforeHeaders, Cut::kAfterHeaders, Cut::kHalfway}) {
    expect({.cut = cut}, "UPSTREAM_LOST", __LINE__);
    expect({.cut = cut, .reset = true}, "UPSTREAM_LOST", __LINE__);
    expect({.form = FakeAnswer::Form::kSse, .cut = cut}, "UPSTREAM_LOST", __LINE__);
  }
  expect({.form = FakeAnswer::Form::kSse, .cut = Cut::kBeforeAnswer}, "UPSTREAM_LOST", __LINE__);
  expect({.content_type = "text/html", .body = "<p>hi"}, "UPSTREAM_PROTOCOL", __LINE__);
  expect({.body = "garbage"}, "UPSTREAM_PROTOCOL", __LINE__);
  expect({.id = "\"another\""}, "UPSTREAM_PROTOCOL", __LINE__);
  expect({.http_status = 500, .body = "oops"}, "UPSTREAM_HTTP_STATUS", __LINE__);
  expect({.http_status = 401, .body = "no"}, "UPSTREAM_HTTP_STATUS", __LINE__);
  expect({.http_status = 302, .body = "there"}, "UPSTREAM_HTTP_STATUS", __LINE__);
  expect({.http_status = 202}, "UPSTREAM_PROTOCOL", __LINE__);
  // None of it has cost the session.
  EXPECT_TRUE(IsHello(CallWith({})));
  EXPECT_EQ(upstream_.Snapshot().Count("initialize"), 1u);
  EXPECT_EQ(upstream_.Snapshot().cancels.size(), 0u);
}

TEST_F(UpstreamHttpTest, AServersErrorPassesUnchanged) {
  const std::string error = R"({"code":-32602,"message":"n\u00f6","data":{"x":9007199254740993}})";
  EXPECT_EQ(CallWith({.error = error}), R"({"jsonrpc":"2.0","id":1,"error":)" + error + "}");
  EXPECT_EQ(CallWith({.error = error, .http_status = 400}),
            R"({"jsonrpc":"2.0","id":1,"error":)" + error + "}");
}

TEST_F(UpstreamHttpTest, AResultPassesByteForByte) {
  const std::string result =
      R"({ "content" : [ ], "structuredContent":{"big":123456789012345678901,"s":"\u0041"}, "unknown":null })";
  EXPECT_EQ(CallWith({.result = result}), R"({"jsonrpc":"2.0","id":1,"result":)" + result + "}");
}

TEST_F(UpstreamHttpTest, ALostSessionIsMadeAgainAndTheCallRepeatedOnce) {
  upstream_.DropSessions();
  EXPECT_TRUE(IsHello(Call("hello")));
  const auto record = upstream_.Snapshot();
  EXPECT_EQ(record.Count("initialize"), 2u);
  EXPECT_EQ(record.sessions_opened, 2);
}

TEST_F(UpstreamHttpTest, ALostSessionIsMadeOnceForAllWhoMissIt) {
  upstream_.DropSessions();
  std::vector<std::unique_ptr<TestHttpClient>> clients;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(std::make_unique<TestHttpClient>(bridge_.http_port()));
    clients.back()->Send(CallMessage("1", "echo", "hello"));
  }
  for (auto& client : clients) EXPECT_TRUE(IsHello(client->Receive().body));
  EXPECT_EQ(upstream_.Snapshot().Count("initialize"), 2u);
}

TEST_F(UpstreamHttpTest, ASessionThatIsNeverKnownEndsInAnError) {
  FakeAnswer lost;
  lost.http_status = 404;
  lost.body = "no such session";
  EXPECT_EQ(ReasonOf(CallWith(lost)), "UPSTREAM_UNAVAILABLE");
}

TEST_F(UpstreamHttpTest, ARefusalThatIsNotAboutTheSessionCostsNoSession) {
  const auto expect = [this](const FakeAnswer& answer, const std::string& wanted) {
    const std::size_t before = upstream_.Snapshot().CountCalls("echo");
    const std::string body = CallWith(answer);
    EXPECT_NE(body.find(wanted), std::string::npos) << body;
    const auto record = upstream_.Snapshot();
    EXPECT_EQ(record.CountCalls("echo"), before + 1) << wanted << ": it isn't repeated";
    EXPECT_EQ(record.Count("initialize"), 1u) << wanted;
  };
  for (const char* error : {R"({"code":-32602,"message":"session 7 is no argument"})",
                            R"({"code":-32600,"message":"x"})", R"({"code":-32603,"message":"y"})",
                            R"({"code":-32001,"message":"z"})"}) {
    expect({.error = error, .http_status = 400}, std::string(R"("error":)") + error);
  }
  expect({.http_status = 400, .body = "Bad Request"}, "UPSTREAM_HTTP_STATUS");
  expect({.error = R"({"code":-32000,"message":"mine"})"}, R"({"code":-32000,"message":"mine"})");
}

// Its code means anything: what the server says in a new session, too, isn't about the session.
TEST_F(UpstreamHttpTest, ARefusalThatStaysIsTheServersOwn) {
  const std::string error = R"({"code":-32000,"message":"Bad Request: no such thing"})";
  EXPECT_EQ(CallWith({.error = error, .http_status = 400}),
            R"({"jsonrpc":"2.0","id":1,"error":)" + error + "}");
  EXPECT_EQ(upstream_.Snapshot().CountCalls("echo"), 2u);
}

TEST(UpstreamSessionTest, AnotherServersWayToMissASessionIsKnown) {
  FakeMcpServer upstream({.lost_status = 400});
  Bridge bridge(ConfigWith({{"fake", upstream.url()}}));
  ASSERT_TRUE(bridge.WaitForTools("fake"));
  upstream.DropSessions();
  const std::string body =
      TestHttpClient(bridge.http_port()).Post(CallMessage("1", "echo", "hello")).body;
  EXPECT_NE(body.find(R"("text":"hello")"), std::string::npos) << body;
  const auto record = upstream.Snapshot();
  EXPECT_EQ(record.sessions_opened, 2);
  EXPECT_EQ(record.CountCalls("echo"), 2u) << "repeated once";
}

TEST(UpstreamSessionTest, WhereThereIsNoneNoneIsLost) {
  FakeMcpServer upstream(FakeMcpServer::Options{.sessions = false});
  Bridge bridge(ConfigWith({{"fake", upstream.url()}}));
  ASSERT_TRUE(bridge.WaitForTools("fake"));
  const std::string error = R"({"code":-32000,"message":"no"})";
  upstream.OnTool("echo", {.error = error, .http_status = 400});
  EXPECT_EQ(TestHttpClient(bridge.http_port()).Post(CallMessage("1", "echo", "x")).body,
            R"({"jsonrpc":"2.0","id":1,"error":)" + error + "}");
  EXPECT_EQ(upstream.Snapshot().CountCalls("echo"), 1u);
}

TEST_F(UpstreamHttpTest, AServerThatIsGoneFailsAtOnceAndIsFoundAgain) {
  upstream_.StopListening();
  upstream_.CloseConnections();
  EXPECT_EQ(ReasonOf(Call("hello")), "UPSTREAM_UNAVAILABLE");
  upstream_.Listen();
  const auto give_up = std::chrono::steady_clock::now() + kPatience;
  while (bridge_.app().status().Snapshot().at("fake").health != UpstreamHealth::kServing) {
    ASSERT_LT(std::chrono::steady_clock::now(), give_up);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));  // polling, bounded by kPatience
  }
  EXPECT_TRUE(IsHello(Call("hello")));
  EXPECT_EQ(upstream_.Snapshot().Count("initialize"), 1u) << "the session was still good";
}

TEST_F(UpstreamHttpTest, AServersOwnRequestIsAnsweredOnTheSide) {
  FakeAnswer asking;
  asking.form = FakeAnswer::Form::kSse;
  asking.before = {R"({"jsonrpc":"2.0","id":"q1","method":"sampling/createMessage","params":{}})",
                   R"({"jsonrpc":"2.0","id":"q2","method":"ping"})"};
  EXPECT_TRUE(IsHello(CallWith(asking)));
  const auto answered = [](const FakeMcpServer::Record& record, const std::string& id,
                           const std::string& what) {
    return std::any_of(record.requests.begin(), record.requests.end(),
                       [&](const FakeRequest& request) {
                         return request.id == id && request.body.find(what) != std::string::npos;
                       });
  };
  EXPECT_TRUE(upstream_.WaitFor(
      [&](const auto& record) {
        return answered(record, "\"q1\"", "-32601") && answered(record, "\"q2\"", "\"result\":{}");
      },
      kPatience));
}

TEST_F(UpstreamHttpTest, AnAnswerBeyondTheLimitIsRefused) {
  Config config = ConfigWith({{"fake", upstream_.url()}});
  config.bridge.limits.response_bytes = 100'000;
  Bridge small(config);
  ASSERT_TRUE(small.WaitForTools("fake"));
  for (const auto form : {FakeAnswer::Form::kJson, FakeAnswer::Form::kSse}) {
    upstream_.OnTool("echo", {.form = form, .pad_bytes = 200'000});
    EXPECT_EQ(ReasonOf(TestHttpClient(small.http_port()).Post(CallMessage("1", "echo", "x")).body),
              "RESPONSE_TOO_LARGE");
  }
}

TEST_F(UpstreamHttpTest, AToolThatIsNewIsFoundByAskingAgain) {
  // Listed as unknown at first; the server is asked again before the call is refused.
  const std::size_t lists = upstream_.Snapshot().Count("tools/list");
  const std::string body =
      TestHttpClient(bridge_.http_port()).Post(CallMessage("1", "brand-new", "x")).body;
  EXPECT_EQ(ReasonOf(body), "TOOL_NOT_FOUND");
  EXPECT_LE(upstream_.Snapshot().Count("tools/list"), lists + 1);
}

TEST(UpstreamStartTest, ABridgeStartsWithoutItsServerAndFindsItLater) {
  FakeMcpServer upstream;
  upstream.StopListening();
  Bridge bridge(ConfigWith({{"fake", upstream.url()}}));
  const std::string body =
      TestHttpClient(bridge.http_port()).Post(CallMessage("1", "echo", "hello")).body;
  EXPECT_EQ(ReasonOf(body), "UPSTREAM_UNAVAILABLE");
  upstream.Listen();
  EXPECT_TRUE(bridge.WaitForTools("fake"));
}

TEST(UpstreamStartTest, AServerWithoutSessionsWorks) {
  FakeMcpServer upstream(FakeMcpServer::Options{.sessions = false});
  Bridge bridge(ConfigWith({{"fake", upstream.url()}}));
  ASSERT_TRUE(bridge.WaitForTools("fake"));
  EXPECT_NE(
      TestHttpClient(bridge.http_port()).Post(CallMessage("1", "echo", "hello")).body.find("hello"),
      std::string::npos);
  EXPECT_EQ(upstream.Snapshot().LastCall().Header("mcp-session-id"), "");
}

}  // namespace
}  // namespace mcpbridge::test

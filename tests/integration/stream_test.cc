// Event streams of clients with sessions: what breaks off is taken up again.

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "tests/fakes/fake_mcp_server.h"
#include "tests/fakes/test_http.h"
#include "tests/integration/bridge_fixture.h"

namespace mcpbridge::test {
namespace {

using Headers = TestHttpClient::Headers;

std::string Initialize(const std::string& version) {
  return R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":")" +
         version + R"(","capabilities":{},"clientInfo":{"name":"tester","version":"7"}}})";
}

constexpr char kNote[] = R"({"jsonrpc":"2.0","method":"notifications/message","params":{"n":1}})";

// Says something at once, and answers when it is released.
FakeAnswer Slow(const FakeRequest& request) {
  if (request.method != "tools/call") return {};
  FakeAnswer answer;
  answer.form = FakeAnswer::Form::kSse;
  answer.hold = true;
  answer.before = {kNote};
  return answer;
}

class StreamTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(bridge_.WaitForTools("fake")); }

  std::string Open(const std::string& version = "2025-11-25") {
    return TestHttpClient(bridge_.http_port()).Post(Initialize(version)).headers["mcp-session-id"];
  }
  TestEventStream Get(const std::string& session, const std::string& last_event_id = {}) {
    Headers headers{{"Mcp-Session-Id", session}};
    if (!last_event_id.empty()) headers["Last-Event-ID"] = last_event_id;
    return TestEventStream(bridge_.http_port(), headers);
  }
  TestEventStream Call(const std::string& session, const std::string& text) {
    return TestEventStream(bridge_.http_port(), {{"Mcp-Session-Id", session}}, "/mcp",
                           CallMessage("1", "echo", text));
  }
  bool IsHeld() {
    return upstream_.WaitFor([](const auto& record) { return record.held.size() == 1; }, kPatience);
  }

  FakeMcpServer upstream_;
  Bridge bridge_{ConfigWith({{"fake", upstream_.url()}})};
};

TEST_F(StreamTest, ABrokenStreamIsTakenUpAgain) {
  upstream_.SetScript(Slow);
  const std::string session = Open();
  TestEventStream broken = Call(session, "in the end");
  const auto priming = broken.Next();
  ASSERT_TRUE(priming);
  EXPECT_FALSE(priming->id.empty());
  EXPECT_TRUE(priming->data.empty());
  EXPECT_GT(priming->retry_ms, 0);
  const auto note = broken.Next();
  ASSERT_TRUE(note);
  EXPECT_EQ(note->data, kNote);
  broken.Close();

  // From the beginning, then from where it broke off; the answer comes meanwhile.
  TestEventStream again = Get(session, priming->id);
  EXPECT_EQ(again.status(), 200);
  EXPECT_EQ(again.Header("content-type"), "text/event-stream");
  EXPECT_TRUE(again.Next()->data.empty());
  const auto repeated = again.Next();
  ASSERT_TRUE(repeated);
  EXPECT_EQ(repeated->data, kNote);
  EXPECT_EQ(repeated->id, note->id);
  again.Close();
  ASSERT_TRUE(IsHeld()) << "a lost connection is no cancellation";
  upstream_.ReleaseAll();
  TestEventStream rest = Get(session, note->id);
  EXPECT_TRUE(rest.Next()->data.empty());
  const auto answer = rest.Next();
  ASSERT_TRUE(answer);
  EXPECT_NE(answer->data.find("in the end"), std::string::npos) << answer->data;
  EXPECT_NE(answer->data.find(R"("id":1,"result")"), std::string::npos);
  EXPECT_FALSE(rest.Next()) << "the stream ends with the answer";
  EXPECT_EQ(upstream_.Snapshot().cancels.size(), 0u);

  EXPECT_EQ(Get(session, answer->id).status(), 400) << "there is nothing more";
}

TEST_F(StreamTest, ItIsTheSessionsOwn) {
  upstream_.SetScript(Slow);
  const std::string session = Open();
  TestEventStream call = Call(session, "x");
  const std::string id = call.Next()->id;
  TestEventStream stranger = Get(Open(), id);
  EXPECT_EQ(stranger.status(), 400);
  EXPECT_EQ(ReasonOf(stranger.Body()), "INVALID_REQUEST");
  EXPECT_EQ(Get("no-such-session", id).status(), 404);
  upstream_.ReleaseAll();
}

TEST_F(StreamTest, OlderClientsGetIdsButNoPriming) {
  upstream_.SetScript(Slow);
  TestEventStream call = Call(Open("2025-06-18"), "x");
  const auto first = call.Next();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->data, kNote);
  EXPECT_FALSE(first->id.empty());
  upstream_.ReleaseAll();
}

TEST_F(StreamTest, ACallThatIsCancelledEndsItsStream) {
  upstream_.SetScript(Slow);
  const std::string session = Open();
  TestEventStream call = Call(session, "x");
  const std::string id = call.Next()->id;
  call.Close();
  TestEventStream again = Get(session, id);
  EXPECT_TRUE(again.Next()->data.empty());
  EXPECT_EQ(again.Next()->data, kNote);
  TestHttpClient(bridge_.http_port())
      .Post(R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}})",
            {{"Mcp-Session-Id", session}});
  const auto end = again.Next();
  ASSERT_TRUE(end);
  EXPECT_EQ(ReasonOf(end->data), "CANCELLED");
  EXPECT_TRUE(
      upstream_.WaitFor([](const auto& record) { return record.cancels.size() == 1; }, kPatience));
}

// Nobody can answer it any more: its server is told so at once, and not at the call's deadline.
TEST_F(StreamTest, ASessionsEndRefusesWhatItWasAsked) {
  upstream_.SetScript([](const FakeRequest& request) {
    FakeAnswer answer = Slow(request);
    if (answer.hold) answer.before = {R"({"jsonrpc":"2.0","id":"q","method":"roots/list"})"};
    return answer;
  });
  const std::string opened =
      R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{"roots":{}},"clientInfo":{"name":"t","version":"1"}}})";
  const std::string session =
      TestHttpClient(bridge_.http_port()).Post(opened).headers["mcp-session-id"];
  TestEventStream call = Call(session, "in the end");
  EXPECT_TRUE(call.Next()->data.empty());
  EXPECT_TRUE(Has(call.Next()->data, "roots/list"));
  EXPECT_EQ(TestHttpClient(bridge_.http_port())
                .Request("DELETE", "/mcp", "", {{"Mcp-Session-Id", session}})
                .status,
            204);
  EXPECT_TRUE(upstream_.WaitFor(
      [](const auto& record) {
        return std::any_of(
            record.requests.begin(), record.requests.end(), [](const FakeRequest& request) {
              return request.body.starts_with(R"({"jsonrpc":"2.0","id":"q","error":{)");
            });
      },
      kPatience));
  EXPECT_EQ(upstream_.ReleaseAll(), 1u) << "the call itself goes on";
}

TEST_F(StreamTest, TheSessionsOwnStreamIsOneAndEndsWithIt) {
  const std::string session = Open();
  TestEventStream stream = Get(session);
  ASSERT_EQ(stream.status(), 200);
  EXPECT_EQ(stream.Header("cache-control"), "no-cache, no-transform");
  const auto priming = stream.Next();
  ASSERT_TRUE(priming);
  TestEventStream second = Get(session);
  EXPECT_EQ(second.status(), 409);
  EXPECT_EQ(ReasonOf(second.Body()), "STREAM_TAKEN");
  // Who comes back for it takes it over.
  TestEventStream back = Get(session, priming->id);
  EXPECT_EQ(back.status(), 200);
  EXPECT_TRUE(back.Next());
  EXPECT_FALSE(stream.Next());
  TestHttpClient(bridge_.http_port()).Request("DELETE", "/mcp", "", {{"Mcp-Session-Id", session}});
  EXPECT_FALSE(back.Next());
}

TEST_F(StreamTest, WithoutASessionThereIsNone) {
  TestEventStream stream(bridge_.http_port());
  EXPECT_EQ(stream.status(), 405);
  EXPECT_EQ(stream.Header("allow"), "POST, DELETE");
  TestEventStream json(bridge_.http_port(),
                       {{"Mcp-Session-Id", Open()}, {"Accept", "application/json"}});
  EXPECT_EQ(json.status(), 406);
}

// What upstream does when the server lets go of a stream before its answer.
class PollingTest : public StreamTest {
 protected:
  void SetUp() override {
    StreamTest::SetUp();
    upstream_.SetScript([this](const FakeRequest& request) {
      FakeAnswer answer;
      if (request.http_method == "GET") {
        if (request.Header("last-event-id").empty()) return answer;
        answer.form = FakeAnswer::Form::kSse;
        answer.id = call_id_;
        answer.result = R"({"content":[{"type":"text","text":"polled"}]})";
        answer.before = {kNote};
      } else if (request.method == "tools/call") {
        call_id_ = request.id;
        answer.form = FakeAnswer::Form::kSse;
        answer.priming = true;
        answer.ends_early = !cut_;
        answer.cut = cut_ ? FakeAnswer::Cut::kBeforeAnswer : FakeAnswer::Cut::kNowhere;
      }
      return answer;
    });
  }

  bool cut_ = false;
  std::string call_id_;  // the upstream's thread's own
};

TEST_F(PollingTest, AServerThatLetsGoIsAskedAgain) {
  for (const bool cut : {false, true}) {
    cut_ = cut;
    const TestResponse response =
        TestHttpClient(bridge_.http_port())
            .Post(CallMessage("1", "echo", "x"), {{"Accept", "application/json"}});
    EXPECT_NE(response.body.find("polled"), std::string::npos) << response.body;
  }
  const auto record = upstream_.Snapshot();
  const auto asked_again = [&](const FakeRequest& request) {
    return request.Header("last-event-id") == "1" &&
           request.Header("mcp-session-id") == record.LastCall().Header("mcp-session-id");
  };
  EXPECT_EQ(std::count_if(record.requests.begin(), record.requests.end(), asked_again), 2);
  EXPECT_EQ(record.Count("tools/call"), 2u) << "the request itself is sent once";
  EXPECT_EQ(record.cancels.size(), 0u);
}

TEST_F(PollingTest, ItsClientComesBackAsWell) {
  const std::string session = Open();
  TestEventStream call = Call(session, "x");
  const auto priming = call.Next();
  ASSERT_TRUE(priming);
  EXPECT_EQ(priming->retry_ms, 50) << "as the server said";
  EXPECT_FALSE(call.Next()) << "the connection is given back";
  TestEventStream rest = Get(session, priming->id);
  EXPECT_TRUE(rest.Next()->data.empty());
  EXPECT_EQ(rest.Next()->data, kNote);
  EXPECT_NE(rest.Next()->data.find("polled"), std::string::npos);
  EXPECT_FALSE(rest.Next());
}

TEST_F(PollingTest, OneThatDoesNotGoOnIsLost) {
  upstream_.SetScript([](const FakeRequest& request) {
    FakeAnswer answer;
    if (request.method != "tools/call") return answer;  // GET: 405
    answer.form = FakeAnswer::Form::kSse;
    answer.priming = true;
    answer.ends_early = true;
    return answer;
  });
  const TestResponse response =
      TestHttpClient(bridge_.http_port()).Post(CallMessage("1", "echo", "x"));
  EXPECT_EQ(ReasonOf(response.body), "UPSTREAM_LOST") << response.body;
}

TEST_F(PollingTest, CancelledMeanwhileTheServerIsTold) {
  upstream_.SetScript([](const FakeRequest& request) {
    FakeAnswer answer;
    if (request.http_method == "GET") {
      answer.form = FakeAnswer::Form::kSse;
      answer.hold = true;
      return answer;
    }
    if (request.method != "tools/call") return answer;
    answer.form = FakeAnswer::Form::kSse;
    answer.priming = true;
    answer.ends_early = true;
    return answer;
  });
  TestHttpClient caller(bridge_.http_port());
  caller.Send(CallMessage("1", "echo", "x"));
  ASSERT_TRUE(IsHeld());
  caller.Close();
  EXPECT_TRUE(
      upstream_.WaitFor([](const auto& record) { return record.cancels.size() == 1; }, kPatience));
}

// What servers say outside of calls.
class AnnounceTest : public StreamTest {
 protected:
  static constexpr char kUpdated[] =
      R"({"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"x:\u00e9"}})";

  void SetUp() override {
    upstream_.SetScript([](const FakeRequest& request) {
      FakeAnswer answer;
      if (request.http_method != "GET") return answer;
      answer.form = FakeAnswer::Form::kSse;
      answer.hold = true;
      return answer;
    });
    StreamTest::SetUp();
    // The first session may have asked for a stream before there was any.
    upstream_.DropSessions();
    TestHttpClient(bridge_.http_port()).Post(CallMessage("0", "echo", "x"));
    ASSERT_TRUE(Streams(1)) << "the session that all share listens, too";
  }
  // Waits until so many sessions with the server listen.
  bool Streams(std::size_t count) {
    return upstream_.WaitFor([count](const auto& record) { return record.held.size() == count; },
                             kPatience);
  }
  TestResponse Post(const std::string& session, const std::string& body) {
    return TestHttpClient(bridge_.http_port()).Post(body, {{"Mcp-Session-Id", session}});
  }
};

TEST_F(AnnounceTest, ItReachesTheClientWhoseSessionItIs) {
  const std::string session = Open();
  Post(session, CallMessage("1", "echo", "x"));  // opens its session with the server
  ASSERT_TRUE(Streams(2));
  upstream_.Push(kUpdated);  // before anybody listens here
  TestEventStream stream = Get(session);
  EXPECT_TRUE(stream.Next()->data.empty());
  const auto early = stream.Next();
  ASSERT_TRUE(early);
  EXPECT_EQ(early->data, kUpdated);
  // What it misses in between is there when it comes back.
  stream.Close();
  upstream_.Push(R"({"jsonrpc":"2.0","method":"notifications/elicitation/complete","params":{}})");
  TestEventStream again = Get(session, early->id);
  EXPECT_TRUE(again.Next()->data.empty());
  EXPECT_EQ(again.Next()->data,
            R"({"jsonrpc":"2.0","method":"notifications/elicitation/complete","params":{}})");
}

TEST_F(AnnounceTest, AnotherClientHearsNothingOfIt) {
  const std::string session = Open();
  const std::string stranger = Open();
  Post(session, CallMessage("1", "echo", "x"));
  ASSERT_TRUE(Streams(2));
  TestEventStream stream = Get(stranger);
  EXPECT_TRUE(stream.Next()->data.empty());
  TestEventStream own = Get(session);
  EXPECT_TRUE(own.Next()->data.empty());
  upstream_.Push(kUpdated);
  EXPECT_EQ(own.Next()->data, kUpdated);
  // A message that is for all comes behind it: the stranger has had nothing before.
  bridge_.app().sessions().OnListChanged(0, ListKind::kPrompts);
  EXPECT_EQ(stream.Next()->data,
            R"({"jsonrpc":"2.0","method":"notifications/prompts/list_changed"})");
}

TEST_F(AnnounceTest, AQuestionIsAskedAndAnswered) {
  const std::string opened =
      R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{"roots":{}},"clientInfo":{"name":"t","version":"1"}}})";
  const std::string session =
      TestHttpClient(bridge_.http_port()).Post(opened).headers["mcp-session-id"];
  Post(session, CallMessage("1", "echo", "x"));
  ASSERT_TRUE(Streams(2));
  TestEventStream stream = Get(session);
  EXPECT_TRUE(stream.Next()->data.empty());
  upstream_.Push(R"({"jsonrpc":"2.0","id":"r-7","method":"roots/list"})");
  const auto question = stream.Next();
  ASSERT_TRUE(question);
  EXPECT_EQ(question->data, R"({"jsonrpc":"2.0","id":1,"method":"roots/list"})");
  Post(session, R"({"jsonrpc":"2.0","id":1,"result":{"roots":[]}})");
  const auto answered = [](const std::string& body) {
    return [body](const FakeMcpServer::Record& record) {
      return std::any_of(record.requests.begin(), record.requests.end(),
                         [&](const FakeRequest& request) { return request.body == body; });
    };
  };
  EXPECT_TRUE(upstream_.WaitFor(answered(R"({"jsonrpc":"2.0","id":"r-7","result":{"roots":[]}})"),
                                kPatience));
  // The shared session's question, and one that the client can't answer, are refused.
  const auto refusals = [](const FakeMcpServer::Record& record) {
    return std::count_if(
        record.requests.begin(), record.requests.end(), [](const FakeRequest& request) {
          return request.body.find(R"("error":{"code":-32601)") != std::string::npos;
        });
  };
  EXPECT_TRUE(
      upstream_.WaitFor([&](const auto& record) { return refusals(record) == 1; }, kPatience));
  upstream_.Push(R"({"jsonrpc":"2.0","id":"s-8","method":"sampling/createMessage","params":{}})");
  EXPECT_TRUE(
      upstream_.WaitFor([&](const auto& record) { return refusals(record) == 3; }, kPatience));
}

TEST_F(AnnounceTest, AClientsStreamWithAServerIsOpenBeforeItsFirstCall) {
  Post(Open(), CallMessage("1", "echo", "x"));
  const FakeMcpServer::Record record = upstream_.Snapshot();
  const std::string session = record.LastCall().Header("mcp-session-id");
  const auto first =
      std::find_if(record.requests.begin(), record.requests.end(), [&](const FakeRequest& request) {
        return request.Header("mcp-session-id") == session &&
               request.method != "notifications/initialized";
      });
  ASSERT_NE(first, record.requests.end());
  EXPECT_EQ(first->http_method, "GET");
}

TEST_F(StreamTest, AServerThatSaysNothingOfItsStreamIsStillCalled) {
  upstream_.SetScript([](const FakeRequest& request) {
    FakeAnswer answer;
    answer.never = request.http_method == "GET";
    return answer;
  });
  const TestResponse response =
      TestHttpClient(bridge_.http_port())
          .Post(CallMessage("1", "echo", "x"), {{"Mcp-Session-Id", Open()}});
  EXPECT_NE(response.body.find("\"result\""), std::string::npos) << response.body;
}

TEST_F(AnnounceTest, AQuestionIsWithdrawnByItsServer) {
  const std::string opened =
      R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{"roots":{}},"clientInfo":{"name":"t","version":"1"}}})";
  const std::string session =
      TestHttpClient(bridge_.http_port()).Post(opened).headers["mcp-session-id"];
  Post(session, CallMessage("1", "echo", "x"));
  ASSERT_TRUE(Streams(2));
  TestEventStream stream = Get(session);
  EXPECT_TRUE(stream.Next()->data.empty());
  upstream_.Push(R"({"jsonrpc":"2.0","id":"r-7","method":"roots/list"})");
  ASSERT_TRUE(stream.Next());
  // One of no question comes first: were it passed on, it would be the next event.
  upstream_.Push(
      R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"r-8"}})");
  upstream_.Push(
      R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"r-7","reason":"late"}})");
  const auto withdrawn = stream.Next();
  ASSERT_TRUE(withdrawn);
  EXPECT_EQ(
      withdrawn->data,
      R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1,"reason":"late"}})");
}

TEST_F(AnnounceTest, AListThatBecomesAnotherIsToldToAll) {
  const std::string session = Open();
  TestEventStream stream = Get(session);
  EXPECT_TRUE(stream.Next()->data.empty());
  upstream_.SetScript([](const FakeRequest& request) {
    FakeAnswer answer;
    if (request.method == "tools/list") {
      answer.result = R"({"tools":[{"name":"other","inputSchema":{"type":"object"}}]})";
    }
    return answer;
  });
  upstream_.Push(R"({"jsonrpc":"2.0","method":"notifications/tools/list_changed"})");
  const auto told = stream.Next();
  ASSERT_TRUE(told);
  EXPECT_EQ(told->data, R"({"jsonrpc":"2.0","method":"notifications/tools/list_changed"})");
  const TestResponse list = Post(session, R"({"jsonrpc":"2.0","id":2,"method":"tools/list"})");
  EXPECT_NE(list.body.find(R"("name":"other")"), std::string::npos) << list.body;
}

TEST_F(AnnounceTest, AServersStreamIsTakenUpAgain) {
  const std::string session = Open();
  Post(session, CallMessage("1", "echo", "x"));
  ASSERT_TRUE(Streams(2));
  upstream_.CloseConnections();
  const auto back = [](const FakeMcpServer::Record& record) {
    return record.Count("GET") >= 4 && record.held.size() == 2;
  };
  ASSERT_TRUE(upstream_.WaitFor(back, kPatience));
  upstream_.Push(kUpdated);
  TestEventStream stream = Get(session);
  EXPECT_TRUE(stream.Next()->data.empty());
  EXPECT_EQ(stream.Next()->data, kUpdated);
}

}  // namespace
}  // namespace mcpbridge::test

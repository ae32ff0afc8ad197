#include "server/upstream/sse_upstream.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <future>
#include <random>
#include <string>
#include <vector>

#include "server/base/log.h"
#include "server/mcp/initialize.h"
#include "server/runtime/executor.h"
#include "tests/fakes/fake_sse_server.h"
#include "tests/unit/upstream_calls.h"

namespace mcpbridge {
namespace {

using test::kPatience;
using test::Outcome;
using test::TestCall;
using Record = FakeSseServer::Record;
using Post = FakeSseServer::Post;

std::string Params(const std::string& tool, const std::string& text) {
  return R"({"name":")" + tool + R"(","arguments":{"text":")" + text + R"("}})";
}

std::string Text(const std::string& text) {
  return R"({"content":[{"type":"text","text":")" + text + R"("}]})";
}

std::string Numbered(int i) { return "n" + std::to_string(i); }

std::string ReasonOf(const Outcome& outcome) {
  return outcome.error ? std::string(InfoOf(outcome.error->reason).name) : "answered";
}

// Two lanes; sessions live on the first.
class SseUpstreamTest : public testing::Test {
 protected:
  SseUpstreamTest() {
    config_.name = "old";
    config_.transport = TransportKind::kSse;
    config_.headers = {{"Authorization", "Bearer token"}};
    status_.SetWatcher([this](const std::string&, bool serving) {
      const std::lock_guard lock(mutex_);
      (serving ? served_ : lost_) += 1;
      changed_.notify_all();
    });
    executor_.Start();
  }
  ~SseUpstreamTest() override {
    if (upstream_ != nullptr) Stop();
    executor_.StopLanes();
    upstream_.reset();
  }

  Lane& home() { return executor_.lane(0); }
  Lane& other() { return executor_.lane(1); }
  Lane& lane(int i) { return i % 2 == 0 ? home() : other(); }

  void Start(FakeSseServer::Options options = {}, bool one_client = false) {
    fake_ = std::make_unique<FakeSseServer>(std::move(options));
    config_.url = fake_->url();
    // As in the process, one is there until the lanes have stopped.
    servers_.push_back(std::make_unique<HttpServer>(
        config_.url, executor_, trust_,
        HttpPool::Limits{.connections = connections_, .response_bytes = limits_.response_bytes}));
    upstream_ = std::make_unique<SseUpstream>(config_, *servers_.back(), home(), limits_,
                                              UpstreamUse{.initialize_params = InitializeParams(),
                                                          .status = &status_,
                                                          .one_client = one_client,
                                                          .lists_changed = [this] {
                                                            const std::lock_guard lock(mutex_);
                                                            ++lists_changed_;
                                                            changed_.notify_all();
                                                          }});
    upstream_->Start();
  }
  void Stop() {
    const auto done = std::make_shared<std::promise<void>>();
    upstream_->Stop("drain", [done] { done->set_value(); });
    ASSERT_EQ(done->get_future().wait_for(kPatience), std::future_status::ready);
  }

  TestCall Call(Lane& from, const std::string& tool, const std::string& text) {
    return TestCall(*upstream_, from, "tools/call", Params(tool, text));
  }
  Outcome Echo(const std::string& text) { return Call(home(), "echo", text).Wait(); }
  // So that the server holds it.
  TestCall Hold(Lane& from, const std::string& text) {
    TestCall call = Call(from, "hold", text);
    EXPECT_TRUE(fake_->WaitFor([&](const Record& record) {
      const std::string id = record.IdOf(text);
      return std::find(record.held.begin(), record.held.end(), id) != record.held.end();
    }));
    return call;
  }
  std::string LastError() { return status_.Of("old").last_error; }

  template <class F>
  bool WaitUntil(F condition) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, condition);
  }
  bool WaitUntilServed(int times) {
    return WaitUntil([this, times] { return served_ >= times; });
  }
  // Waits until the server couldn't be had; why.
  std::string WaitUntilDown() {
    const auto end = Deadline::After(kPatience);
    // The health was never another than bad, so that no watcher is told.
    while (LastError().empty() && !end.expired()) {
      const Outcome outcome = Echo("probe");
      EXPECT_EQ(ReasonOf(outcome), "UPSTREAM_UNAVAILABLE");
    }
    return LastError();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  int served_ = 0;
  int lost_ = 0;
  int lists_changed_ = 0;
  ServerConfig config_;
  SseUpstream::Limits limits_;
  std::size_t connections_ = 1024;
  TlsTrust trust_;
  StatusBoard status_{{"old"}};
  Executor executor_{{.lanes = 2, .grpc_threads_per_queue = 1}};
  std::unique_ptr<FakeSseServer> fake_;
  std::vector<std::unique_ptr<HttpServer>> servers_;
  std::unique_ptr<SseUpstream> upstream_;
};

TEST_F(SseUpstreamTest, OpensASessionAndAnswersOnBothLanes) {
  Start();
  EXPECT_EQ(upstream_->home(), &home());
  EXPECT_EQ(Call(home(), "echo", "a").Wait().result, Text("a"));
  EXPECT_EQ(Call(other(), "echo", "b").Wait().result, Text("b"));
  const UpstreamStatus status = status_.Of("old");
  EXPECT_EQ(status.health, UpstreamHealth::kServing);
  EXPECT_EQ(status.protocol_version, "2025-11-25");
  EXPECT_EQ(status.server_name, "fake-sse");
  EXPECT_TRUE(status.has_tools);
  const Record record = fake_->Snapshot();
  ASSERT_EQ(record.requests[0].http_method, "GET");
  EXPECT_EQ(record.requests[0].path, "/sse");
  EXPECT_EQ(record.requests[0].Header("accept"), "text/event-stream");
  EXPECT_EQ(record.requests[0].Header("authorization"), "Bearer token");
  EXPECT_EQ(record.requests[1].method, "initialize");
  EXPECT_EQ(record.requests[2].method, "notifications/initialized");
  const FakeRequest call = record.Last("tools/call");
  EXPECT_EQ(call.path, "/message?session=1");
  EXPECT_EQ(call.Header("authorization"), "Bearer token");
  EXPECT_EQ(call.Header("mcp-protocol-version"), "2025-11-25");
  EXPECT_EQ(record.streams_opened, 1);
  Stop();
  EXPECT_TRUE(fake_->WaitFor([](const Record& r) { return r.streams_closed == 1; }));
  EXPECT_EQ(fake_->Snapshot().Count("DELETE"), 0u);
  EXPECT_EQ(ReasonOf(Echo("late")), "SHUTTING_DOWN");
}

TEST_F(SseUpstreamTest, TheEndpointMayBeRelativeAbsoluteAndCutAnywhere) {
  const std::pair<std::string, std::string> endpoints[] = {
      {"http://127.0.0.1:PORT/m/?session=SESSION", "/m/?session=1"},
      {"//127.0.0.1:PORT/m?session=SESSION", "/m?session=1"},
      {"m/x?session=SESSION", "/m/x?session=1"},
      {"./../a/../m?session=SESSION#x", "/m?session=1"},
      {"?session=SESSION", "/sse?session=1"}};
  for (const auto& [endpoint, path] : endpoints) {
    Start({.endpoint = endpoint, .crlf = true, .piece_bytes = 3});
    EXPECT_EQ(Echo("a").result, Text("a")) << endpoint;
    EXPECT_EQ(fake_->Snapshot().Last("tools/call").path, path);
    Stop();
  }
}

TEST_F(SseUpstreamTest, AnEndpointOnAnotherOriginGetsNothing) {
  FakeSseServer stranger;
  const std::string port = std::to_string(stranger.port());
  for (const std::string& endpoint :
       {"http://127.0.0.1:" + port + "/message?session=1", "//127.0.0.1:" + port + "/message",
        std::string("https://127.0.0.1:PORT/message"), std::string("http://localhost:PORT/m"),
        std::string("file:///etc/passwd")}) {
    status_.Update("old", [](UpstreamStatus& status) { status = {}; });
    Start({.endpoint = endpoint});
    EXPECT_NE(WaitUntilDown().find("another origin"), std::string::npos) << endpoint;
    EXPECT_EQ(fake_->Snapshot().Count("initialize"), 0u);
    Stop();
  }
  EXPECT_TRUE(stranger.Snapshot().requests.empty());
}

TEST_F(SseUpstreamTest, WhatIsNoSseServerSaysSo) {
  struct Case {
    FakeSseServer::Options options;
    std::string error;
  };
  limits_.handshake = std::chrono::milliseconds(200);
  for (const Case& c :
       {Case{{.endpoint = ""}, "named no endpoint within 200 ms"},
        Case{{.get_status = 405}, "HTTP 405"}, Case{{.get_status = 401}, "check auth_type"},
        Case{{.content_type = "text/html"}, "not an event stream"}}) {
    status_.Update("old", [](UpstreamStatus& status) { status = {}; });
    Start(c.options);
    const Outcome outcome = Echo("a");
    EXPECT_EQ(ReasonOf(outcome), "UPSTREAM_UNAVAILABLE");
    EXPECT_NE(outcome.error->message.find(c.error), std::string::npos) << outcome.error->message;
    EXPECT_NE(LastError().find(c.error), std::string::npos);
    Stop();
  }
}

TEST_F(SseUpstreamTest, ManyCallsAnsweredOutOfOrderGetTheirOwnAnswers) {
  Start();
  std::vector<TestCall> calls;
  for (int i = 0; i < 100; ++i) calls.push_back(Call(lane(i), "hold", Numbered(i)));
  ASSERT_TRUE(fake_->WaitFor([](const Record& record) { return record.held.size() == 100; }));
  fake_->ReleaseAll();
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(calls[static_cast<std::size_t>(i)].Wait().result, Text(Numbered(i)));
  }
  EXPECT_EQ(fake_->Snapshot().streams_opened, 1);
}

TEST_F(SseUpstreamTest, CancellingAtRandomTellsTheServerOnceAndNobodyElseNotices) {
  Start();
  std::mt19937 random(7);
  std::vector<TestCall> calls;
  std::vector<bool> cancelled;
  for (int i = 0; i < 100; ++i) calls.push_back(Hold(lane(i), Numbered(i)));
  for (TestCall& call : calls) {
    cancelled.push_back(random() % 2 == 0);
    if (!cancelled.back()) continue;
    EXPECT_FALSE(call.Cancel());
  }
  const auto count = static_cast<std::size_t>(std::count(cancelled.begin(), cancelled.end(), true));
  ASSERT_TRUE(fake_->WaitFor([&](const Record& record) { return record.cancels.size() == count; }));
  fake_->ReleaseAll();
  for (int i = 0; i < 100; ++i) {
    const auto at = static_cast<std::size_t>(i);
    if (!cancelled[at]) {
      EXPECT_EQ(calls[at].Wait().result, Text(Numbered(i)));
    }
    const Record record = fake_->Snapshot();
    const std::string id = record.IdOf(Numbered(i));
    EXPECT_EQ(std::count(record.cancels.begin(), record.cancels.end(), id), cancelled[at] ? 1 : 0);
  }
  EXPECT_EQ(fake_->Snapshot().streams_opened, 1);
  EXPECT_EQ(lost_, 0);
}

TEST_F(SseUpstreamTest, ProgressGoesToItsOwnCallAmongMany) {
  Start();
  std::vector<TestCall> calls;
  for (int i = 0; i < 10; ++i) calls.push_back(Hold(lane(i), Numbered(i)));
  const Record record = fake_->Snapshot();
  std::string params = R"({"progressToken":)" + record.IdOf("n3") + R"(,"progress":1})";
  fake_->Say(R"({"jsonrpc":"2.0","method":"notifications/progress","params":)" + params + "}");
  fake_->Say(
      R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":999}})");
  fake_->Say(R"({"jsonrpc":"2.0","method":"notifications/message","params":{"data":"whose?"}})");
  fake_->ReleaseAll();
  for (int i = 0; i < 10; ++i) {
    const Outcome outcome = calls[static_cast<std::size_t>(i)].Wait();
    EXPECT_EQ(outcome.said, i == 3 ? std::vector<std::string>{params} : std::vector<std::string>());
  }
}

TEST_F(SseUpstreamTest, TheServersQuestionsAreAnswered) {
  Start();
  ASSERT_EQ(Echo("a").result, Text("a"));
  const auto answers = [this](std::size_t count) {
    EXPECT_TRUE(fake_->WaitFor([&](const Record& record) { return record.Count("") >= count; }));
    return fake_->Snapshot().Last("").body;
  };
  fake_->Say(R"({"jsonrpc":"2.0","id":"p","method":"ping"})");
  EXPECT_EQ(answers(1), R"({"jsonrpc":"2.0","id":"p","result":{}})");
  fake_->Say(R"({"jsonrpc":"2.0","id":7,"method":"elicitation/create"})");
  EXPECT_NE(answers(2).find("-32601"), std::string::npos);  // no call is under way
  for (Lane* const from : {&home(), &other()}) {
    const std::size_t before = fake_->Snapshot().Count("");
    TestCall call = Hold(*from, "asks" + std::to_string(from->index()));
    fake_->Say(R"({"jsonrpc":"2.0","id":8,"method":"elicitation/create"})");
    EXPECT_EQ(answers(before + 1), R"({"jsonrpc":"2.0","id":8,"result":{"mine":true}})");
    fake_->Say(R"({"jsonrpc":"2.0","id":9,"method":"roots/list"})");
    EXPECT_NE(answers(before + 2).find("-32601"), std::string::npos);
    fake_->ReleaseAll();
    call.Wait();
  }
  const int before = lists_changed_;
  fake_->Say(R"({"jsonrpc":"2.0","method":"notifications/tools/list_changed"})");
  EXPECT_TRUE(WaitUntil([&] { return lists_changed_ == before + 1; }));
}

TEST_F(SseUpstreamTest, OneClientsLastCallIsTheOneThatIsSpokenOf) {
  Start({}, /*one_client=*/true);
  TestCall first = Hold(home(), "first");
  TestCall last = Hold(other(), "last");
  fake_->Say(R"({"jsonrpc":"2.0","method":"notifications/message","params":{"data":1}})");
  fake_->ReleaseAll();
  EXPECT_TRUE(first.Wait().said.empty());
  EXPECT_EQ(last.Wait().said, std::vector<std::string>{R"({"data":1})"});
}

TEST_F(SseUpstreamTest, ALostStreamEndsItsCallsAtOnceAndAnotherIsMade) {
  Start();
  std::vector<TestCall> calls;
  for (int i = 0; i < 10; ++i) calls.push_back(Hold(lane(i), Numbered(i)));
  fake_->CloseStreams();
  for (TestCall& call : calls) EXPECT_EQ(ReasonOf(call.Wait()), "UPSTREAM_LOST");
  ASSERT_TRUE(WaitUntilServed(2));
  EXPECT_EQ(Echo("again").result, Text("again"));
  EXPECT_EQ(fake_->Snapshot().Last("tools/call").path, "/message?session=2");
  EXPECT_EQ(fake_->Snapshot().streams_opened, 2);
}

TEST_F(SseUpstreamTest, WhileNoSessionCanBeHadCallsFailUnsent) {
  Start();
  ASSERT_EQ(Echo("a").result, Text("a"));
  fake_->StopListening();
  fake_->CloseStreams();
  ASSERT_TRUE(WaitUntil([this] { return lost_ == 1; }));
  // Refused at once, or after having waited for an attempt that fails.
  const Outcome outcome = Echo("b");
  EXPECT_EQ(ReasonOf(outcome), "UPSTREAM_UNAVAILABLE");
  EXPECT_TRUE(outcome.error->retry_after.has_value());
  fake_->Listen();
  ASSERT_TRUE(WaitUntilServed(2));
  EXPECT_EQ(Echo("c").result, Text("c"));
  EXPECT_EQ(fake_->Snapshot().IdOf("b"), "");
}

TEST_F(SseUpstreamTest, ARefusedPostEndsItsOwnCallOnly) {
  Start();
  TestCall bystander = Hold(other(), "bystander");
  for (const int status : {400, 404, 413, 500, 503}) {
    fake_->SetScript([status](const FakeRequest& request) {
      return request.text == "refused" ? Post{.status = status} : Post{};
    });
    const Outcome outcome = Call(lane(status), "echo", "refused").Wait();
    EXPECT_EQ(ReasonOf(outcome), "UPSTREAM_HTTP_STATUS");
    EXPECT_NE(outcome.error->message.find(std::to_string(status)), std::string::npos);
  }
  fake_->SetScript([](const FakeRequest& request) { return Post{.drop = request.text == "drop"}; });
  EXPECT_EQ(ReasonOf(Echo("drop")), "UPSTREAM_LOST");
  fake_->ReleaseAll();
  EXPECT_EQ(bystander.Wait().result, Text("bystander"));
  EXPECT_EQ(fake_->Snapshot().streams_opened, 1);
}

TEST_F(SseUpstreamTest, ThePostsOwnAnswerMayComeLateOrNever) {
  connections_ = 2;
  Start();
  fake_->SetScript([](const FakeRequest& request) {
    return Post{.never = request.text == "never", .after_reply = true};
  });
  EXPECT_EQ(Echo("a").result, Text("a"));
  TestCall never = Call(home(), "echo", "never");
  ASSERT_TRUE(fake_->WaitFor([](const Record& r) { return !r.IdOf("never").empty(); }));
  EXPECT_FALSE(never.Cancel());
  EXPECT_EQ(Echo("b").result, Text("b"));
  // A request's end must not overtake it: it is told when the POST is given up, after 5 s.
  EXPECT_TRUE(fake_->Snapshot().cancels.empty());
  Stop();
  EXPECT_EQ(fake_->Snapshot().cancels, std::vector<std::string>{fake_->Snapshot().IdOf("never")});
}

TEST_F(SseUpstreamTest, AMessageThatIsTooLargeEndsItsOwnCallOnly) {
  limits_.response_bytes = 100'000;
  Start();
  TestCall bystander = Hold(other(), "bystander");
  fake_->SetScript([](const FakeRequest& request) {
    Post post;
    if (request.text == "huge") {
      post.reply = R"({"jsonrpc":"2.0","result":")" + std::string(300'000, 'x') + R"(","id":ID})";
    }
    return post;
  });
  EXPECT_EQ(ReasonOf(Echo("huge")), "RESPONSE_TOO_LARGE");
  // In all the stream may be longer than one message.
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Echo(std::string(60'000, 'y')).error, std::nullopt);
  fake_->ReleaseAll();
  EXPECT_EQ(bystander.Wait().result, Text("bystander"));
  EXPECT_EQ(fake_->Snapshot().streams_opened, 1);
}

TEST_F(SseUpstreamTest, WhatIsNoMessageIsSkipped) {
  Start();
  TestCall call = Hold(other(), "a");
  TestCall bad = Hold(home(), "bad");
  fake_->SendRaw(": comment\n\nevent: ping\ndata: x\n\ndata: garbage\n\ndata: [1]\n\nid: 3\n\n");
  fake_->Say(R"({"jsonrpc":"2.0","id":)" + fake_->Snapshot().IdOf("bad") +
             R"(,"result":1,"error":{}})");
  EXPECT_EQ(ReasonOf(bad.Wait()), "UPSTREAM_PROTOCOL");
  fake_->ReleaseAll();
  EXPECT_EQ(call.Wait().result, Text("a"));
  EXPECT_EQ(upstream_->late_replies(), 1u);  // `bad` was released too
}

TEST_F(SseUpstreamTest, WhatIsQueuedIsBounded) {
  limits_.queued_bytes = 2000;
  Start({.endpoint = ""});
  const std::string large(1500, 'x');
  ASSERT_TRUE(fake_->WaitFor([](const Record& record) { return record.streams_opened == 1; }));
  TestCall waits = Call(home(), "echo", large);
  EXPECT_EQ(ReasonOf(Echo(large)), "OVERLOADED");
  EXPECT_FALSE(waits.Cancel());
  TestCall waits_instead = Call(home(), "echo", large);
  fake_->SendRaw("event: endpoint\ndata: /message?session=1\n\n");
  EXPECT_EQ(waits_instead.Wait().result, Text(large));
  fake_->SetScript([](const FakeRequest&) { return Post{.never = true}; });
  TestCall untaken = Call(home(), "echo", large);
  EXPECT_EQ(ReasonOf(Echo(large)), "OVERLOADED");
  EXPECT_FALSE(untaken.Cancel());
}

TEST_F(SseUpstreamTest, CallersHeadersGoWithThePost) {
  Start();
  TestCall call(*upstream_, other(),
                {.method = "tools/call",
                 .params = Params("echo", "a"),
                 .deadline = {},
                 .headers = {{"x-request-id", "r1"}}});
  EXPECT_EQ(call.Wait().result, Text("a"));
  EXPECT_EQ(fake_->Snapshot().Last("tools/call").Header("x-request-id"), "r1");
}

}  // namespace
}  // namespace mcpbridge

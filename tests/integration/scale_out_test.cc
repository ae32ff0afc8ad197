// Several bridges with the same session_key: a client's session goes on at any of them.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <future>
#include <optional>
#include <string>
#include <vector>

#include "tests/fakes/eventually.h"
#include "tests/fakes/fake_mcp_server.h"
#include "tests/fakes/temp_folder.h"
#include "tests/fakes/test_http.h"
#include "tests/fakes/test_redis.h"
#include "tests/integration/bridge_fixture.h"

namespace mcpbridge::test {
namespace {

using Headers = TestHttpClient::Headers;

constexpr char kInitialize[] =
    R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{"elicitation":{}},"clientInfo":{"name":"tester","version":"7"}}})";

class ScaleOutTest : public testing::Test {
 protected:
  void SetUp() override {
    first_.emplace(Settings());
    second_.emplace(Settings());
    ASSERT_TRUE(first_->WaitForTools("fake"));
    ASSERT_TRUE(second_->WaitForTools("fake"));
  }

  virtual Config Settings(const std::string& key = std::string(32, 'k')) const {
    Config config = ConfigWith({{"fake", upstream_.url()}});
    config.bridge.session_key = key;
    return config;
  }
  static TestResponse Post(const Bridge& bridge, const std::string& body, const std::string& id) {
    return TestHttpClient(bridge.http_port()).Post(body, {{"Mcp-Session-Id", id}});
  }
  static std::string Open(const Bridge& bridge) {
    return TestHttpClient(bridge.http_port()).Post(kInitialize).headers["mcp-session-id"];
  }
  static int Delete(const Bridge& bridge, const std::string& id) {
    return TestHttpClient(bridge.http_port())
        .Request("DELETE", "/mcp", "", {{"Mcp-Session-Id", id}})
        .status;
  }
  // How many sessions the client has had with the server, under its own name.
  long SessionsOfTheClient() const {
    const auto record = upstream_.Snapshot();
    return std::count_if(record.requests.begin(), record.requests.end(), [](const auto& request) {
      return request.method == "initialize" &&
             request.params.find(R"("clientInfo":{"name":"tester","version":"7"})") !=
                 std::string::npos &&
             request.params.find(R"("capabilities":{"elicitation":{}})") != std::string::npos;
    });
  }

  FakeMcpServer upstream_;
  std::optional<Bridge> first_;
  std::optional<Bridge> second_;
};

TEST_F(ScaleOutTest, ASessionGoesOnWhereAnotherBridgeHasEnded) {
  const std::string id = Open(*first_);
  Post(*first_, CallMessage("1", "echo", "before"), id);
  EXPECT_EQ(SessionsOfTheClient(), 1);
  first_.reset();
  const TestResponse response = Post(*second_, CallMessage("2", "echo", "after"), id);
  EXPECT_NE(response.body.find("after"), std::string::npos) << response.body;
  EXPECT_EQ(SessionsOfTheClient(), 2);
  EXPECT_EQ(second_->app().sessions().size(), 1u);
  EXPECT_EQ(Post(*second_, R"({"jsonrpc":"2.0","method":"notifications/initialized"})", id).status,
            202);
  EXPECT_EQ(second_->app().sessions().size(), 1u) << "it is there now";
}

TEST_F(ScaleOutTest, AllWhoComeAtOnceFindTheSameSession) {
  const std::string id = Open(*first_);
  std::vector<std::future<TestResponse>> calls;
  for (int i = 0; i < 16; ++i) {
    calls.push_back(std::async(std::launch::async, [&, i] {
      return Post(*second_, CallMessage(std::to_string(i), "echo", "x"), id);
    }));
  }
  for (auto& call : calls) EXPECT_EQ(call.get().status, 200);
  EXPECT_EQ(SessionsOfTheClient(), 1);
  EXPECT_EQ(second_->app().sessions().size(), 1u);
}

TEST_F(ScaleOutTest, WhatIsSealedByNoneOfThemIsNoSession) {
  const std::string id = Open(*first_);
  std::string altered = id;
  altered[5] = altered[5] == '0' ? '1' : '0';
  Bridge stranger(Settings(std::string(32, 'x')));
  Bridge alone(Settings(""));
  EXPECT_EQ(Open(alone).find('.'), std::string::npos);
  const std::pair<const Bridge*, std::string> refused[] = {{&*second_, altered},
                                                           {&*second_, Open(stranger)},
                                                           {&*second_, Open(alone)},
                                                           {&stranger, id},
                                                           {&alone, id}};
  for (const auto& [bridge, bad] : refused) {
    const TestResponse response = Post(*bridge, CallMessage("1", "echo", "x"), bad);
    EXPECT_EQ(response.status, 404) << bad;
    EXPECT_EQ(ReasonOf(response.body), "SESSION_NOT_FOUND");
    EXPECT_EQ(TestEventStream(bridge->http_port(), {{"Mcp-Session-Id", bad}}).status(), 404);
    EXPECT_EQ(Delete(*bridge, bad), 404);
  }
  EXPECT_EQ(second_->app().sessions().size(), 0u);
}

TEST_F(ScaleOutTest, WhatItsClientHasEndedIsNotMadeAgain) {
  const std::string id = Open(*first_);
  EXPECT_EQ(Delete(*second_, id), 204) << "also where it has never been";
  EXPECT_EQ(Delete(*second_, id), 404);
  EXPECT_EQ(Post(*second_, CallMessage("1", "echo", "x"), id).status, 404);
  EXPECT_EQ(Delete(*first_, id), 204);
  EXPECT_EQ(Post(*first_, CallMessage("1", "echo", "x"), id).status, 404);
}

TEST_F(ScaleOutTest, WhereThereIsNoRoomTheClientIsToldSo) {
  Config config = Settings();
  config.bridge.limits.sessions = 1;
  Bridge small(std::move(config));
  const std::string own = Open(small);
  EXPECT_EQ(Post(small, CallMessage("1", "echo", "x"), own).status, 200);
  const TestResponse response = Post(small, CallMessage("1", "echo", "x"), Open(*first_));
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(ReasonOf(response.body), "OVERLOADED");
}

TEST_F(ScaleOutTest, ItsStreamIsTakenUpElsewhere) {
  const std::string id = Open(*first_);
  TestEventStream before(first_->http_port(), {{"Mcp-Session-Id", id}});
  ASSERT_EQ(before.status(), 200);
  const auto last = before.Next();
  ASSERT_TRUE(last);
  first_.reset();
  TestEventStream after(second_->http_port(),
                        {{"Mcp-Session-Id", id}, {"Last-Event-ID", last->id}});
  ASSERT_EQ(after.status(), 200);
  EXPECT_TRUE(after.Next()->data.empty());
  const auto told = after.Next();
  ASSERT_TRUE(told);
  EXPECT_EQ(told->data, R"({"jsonrpc":"2.0","method":"notifications/tools/list_changed"})")
      << "what was said meanwhile is lost";
  // And back, to one that has the session but hasn't given out this place in its stream.
  Bridge third(Settings());
  TestEventStream there(third.http_port(), {{"Mcp-Session-Id", id}});
  ASSERT_EQ(there.status(), 200);
  after.Close();
  TestEventStream back(third.http_port(), {{"Mcp-Session-Id", id}, {"Last-Event-ID", told->id}});
  EXPECT_EQ(back.status(), 200);
  EXPECT_EQ(TestEventStream(third.http_port(), {{"Mcp-Session-Id", id}, {"Last-Event-ID", "1-1"}})
                .status(),
            400)
      << "the stream of a request that another has had";
}

TEST_F(ScaleOutTest, ItsQuestionsHaveOtherIdsThanElsewhere) {
  upstream_.SetScript([](const FakeRequest& request) {
    if (request.method != "tools/call") return FakeAnswer{};
    FakeAnswer answer;
    answer.form = FakeAnswer::Form::kSse;
    answer.before = {
        R"({"jsonrpc":"2.0","id":"q","method":"elicitation/create","params":{"message":"who?"}})"};
    return answer;
  });
  const std::string id = Open(*first_);
  const std::string asked =
      R"("id":1,"method":"elicitation/create")";  // the first question of the first bridge
  EXPECT_NE(Post(*first_, CallMessage("7", "echo", "x"), id).body.find(asked), std::string::npos);
  const TestResponse response = Post(*second_, CallMessage("8", "echo", "x"), id);
  EXPECT_EQ(response.body.find(asked), std::string::npos) << response.body;
  EXPECT_NE(response.body.find("elicitation/create"), std::string::npos) << response.body;
}

// With a store, too.
class SessionStoreTest : public ScaleOutTest {
 protected:
  Config Settings(const std::string& key = std::string(32, 'k')) const override {
    Config config = ScaleOutTest::Settings(key);
    config.bridge.session_store.emplace().unix_path = TestRedis::SocketIn(folder_.path());
    return config;
  }
  bool IsGone(const Bridge& bridge, const std::string& id) {
    return Post(bridge, CallMessage("1", "echo", "x"), id).status == 404;
  }

  const TempFolder folder_;
  std::optional<TestRedis> redis_{folder_.path()};
};

TEST_F(SessionStoreTest, WhatItsClientEndsAnywhereIsOverEverywhere) {
  const std::string id = Open(*first_);
  const std::string other = Open(*first_);
  EXPECT_EQ(Post(*second_, CallMessage("1", "echo", "x"), id).status, 200);
  EXPECT_EQ(Delete(*second_, id), 204);
  EXPECT_TRUE(Eventually([&] { return IsGone(*first_, id); }));
  EXPECT_EQ(first_->app().sessions().size(), 1u);
  EXPECT_EQ(Delete(*first_, other), 204);
  EXPECT_TRUE(Eventually([&] { return IsGone(*second_, other); }));
  // Also at one that wasn't there then.
  Bridge third(Settings());
  EXPECT_TRUE(Eventually([&] { return IsGone(third, id) && IsGone(third, other); }));
}

TEST_F(SessionStoreTest, AnAnswerThatItsClientHasMissedIsHadElsewhere) {
  upstream_.SetScript([](const FakeRequest& request) {
    if (request.method != "tools/call") return FakeAnswer{};
    FakeAnswer answer;
    answer.form = FakeAnswer::Form::kSse;
    answer.hold = true;
    answer.before = {R"({"jsonrpc":"2.0","method":"notifications/message","params":{"n":1}})"};
    return answer;
  });
  const std::string id = Open(*first_);
  std::string last;
  {
    TestEventStream call(first_->http_port(), {{"Mcp-Session-Id", id}}, "/mcp",
                         CallMessage("5", "echo", "missed"));
    last = call.Next()->id;
    EXPECT_TRUE(call.Next()) << "the message";
  }
  const Headers from_there{{"Mcp-Session-Id", id}, {"Last-Event-ID", last}};
  EXPECT_EQ(TestEventStream(second_->http_port(), from_there).status(), 400)
      << "its answer isn't there, and may never be";
  upstream_.ReleaseAll();
  ASSERT_TRUE(Eventually(
      [&] { return TestEventStream(second_->http_port(), from_there).status() == 200; }));
  first_.reset();
  TestEventStream again(second_->http_port(), from_there);
  EXPECT_TRUE(again.Next()->data.empty());
  EXPECT_NE(again.Next()->data.find("notifications/message"), std::string::npos);
  const auto answer = again.Next();
  ASSERT_TRUE(answer);
  EXPECT_NE(answer->data.find("missed"), std::string::npos) << answer->data;
  EXPECT_NE(answer->data.find(R"("id":5)"), std::string::npos) << answer->data;
  EXPECT_FALSE(again.Next());
}

TEST_F(SessionStoreTest, WhatWasSaidOutsideOfRequestsIsHadElsewhere) {
  const std::string id = Open(*first_);
  std::string last;
  {
    TestEventStream stream(first_->http_port(), {{"Mcp-Session-Id", id}});
    last = stream.Next()->id;
  }
  first_->app().sessions().OnListChanged(0, ListKind::kPrompts);
  first_.reset();  // with what it still has to write
  // Its messages are known as soon as a list changed is.
  const auto told = [&] {
    Bridge next(Settings());
    if (!next.WaitForTools("fake")) return false;
    TestEventStream stream(next.http_port(), {{"Mcp-Session-Id", id}, {"Last-Event-ID", last}});
    const auto priming = stream.Next();
    const auto said = stream.Next();
    return said && said->data.find("prompts/list_changed") != std::string::npos;
  };
  EXPECT_TRUE(Eventually(told));
}

TEST_F(SessionStoreTest, ItHoldsUpNobodyWhenItIsGone) {
  redis_.reset();
  std::filesystem::remove(TestRedis::SocketIn(folder_.path()));
  const std::string id = Open(*first_);
  EXPECT_EQ(Post(*first_, CallMessage("1", "echo", "x"), id).status, 200);
  EXPECT_EQ(Post(*second_, CallMessage("1", "echo", "x"), id).status, 200);
  EXPECT_EQ(Delete(*first_, id), 204);
  redis_.emplace(folder_.path());
  EXPECT_TRUE(Eventually([&] { return IsGone(*second_, id); })) << "it is told when it is back";
}

}  // namespace
}  // namespace mcpbridge::test

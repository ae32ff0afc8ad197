// The promise this project exists for: the end of one call never touches another.

#include <gtest/gtest.h>

#include <algorithm>
#include <future>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "tests/fakes/fake_mcp_server.h"
#include "tests/fakes/test_http.h"
#include "tests/integration/bridge_fixture.h"

namespace mcpbridge::test {
namespace {

// What becomes of a call in this test.
enum class Fate { kAnswered, kCancelled, kTimedOut };

// One call, over either front, with a text of its own.
class Call {
 public:
  virtual ~Call() = default;
  virtual void Send(std::chrono::milliseconds timeout) = 0;  // 0: no deadline
  virtual void Cancel() = 0;
  // Waits for the end; what came: the answer's text, "DEADLINE_EXCEEDED", or another word.
  virtual std::string Outcome() = 0;
};

class HttpTestCall final : public Call {
 public:
  HttpTestCall(Bridge& bridge, std::string text)
      : text_(std::move(text)), client_(bridge.http_port()) {}

  void Send(std::chrono::milliseconds timeout) override {
    TestHttpClient::Headers headers;
    if (timeout.count() != 0) headers["grpc-timeout"] = std::to_string(timeout.count()) + "m";
    // Every caller uses the same id: they have nothing to do with one another.
    client_.Send(CallMessage("1", "echo", text_), headers);
  }

  void Cancel() override { client_.Close(); }

  std::string Outcome() override {
    const TestResponse response = client_.Receive();
    if (!response.complete) return "broken";
    const std::string reason = ReasonOf(response.body);
    if (!reason.empty()) return reason;
    const bool mine = response.body.find("\"" + text_ + "\"") != std::string::npos &&
                      response.body.find("\"id\":1") != std::string::npos;
    return mine ? text_ : "someone else's: " + response.body;
  }

 private:
  const std::string text_;
  TestHttpClient client_;
};

class GrpcTestCall final : public Call {
 public:
  GrpcTestCall(v1::ToolService::Stub& stub, std::string text)
      : text_(std::move(text)), stub_(stub) {}
  ~GrpcTestCall() override { Wait(); }

  void Send(std::chrono::milliseconds timeout) override {
    request_.set_name("echo");
    request_.set_arguments_json(R"({"text":")" + text_ + R"("})");
    if (timeout.count() != 0) {
      context_.set_deadline(std::chrono::system_clock::now() + timeout);
    }
    sent_ = true;
    stub_.async()->CallTool(&context_, &request_, &response_,
                            [this](grpc::Status status) { end_.set_value(std::move(status)); });
  }

  void Cancel() override { context_.TryCancel(); }

  std::string Outcome() override {
    const grpc::Status status = Wait();
    if (status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) return "DEADLINE_EXCEEDED";
    if (!status.ok()) return "status " + std::to_string(status.error_code());
    return response_.content_size() == 1 ? response_.content(0).text().text() : "no content";
  }

 private:
  grpc::Status Wait() {
    if (sent_) status_ = end_.get_future().get();
    sent_ = false;
    return status_;
  }

  const std::string text_;
  v1::ToolService::Stub& stub_;
  grpc::ClientContext context_;
  v1::CallToolRequest request_;
  v1::CallToolResponse response_;
  std::promise<grpc::Status> end_;
  grpc::Status status_;
  bool sent_ = false;
};

struct Front {
  const char* name;
  int http_share;  // of 2
};

class IsolationTest : public testing::TestWithParam<Front> {
 protected:
  static constexpr int kCalls = 200;

  IsolationTest() {
    FakeAnswer held;
    held.hold = true;
    upstream_.OnTool("echo", held);
  }

  std::unique_ptr<Call> NewCall(int index) {
    const std::string text = "call " + std::to_string(index);
    if (index % 2 < GetParam().http_share) return std::make_unique<HttpTestCall>(bridge_, text);
    return std::make_unique<GrpcTestCall>(*stub_, text);
  }

  // Upstream ids of the calls that have arrived, by their text.
  std::map<std::string, std::string> IdsByText() const {
    std::map<std::string, std::string> ids;
    for (const FakeRequest& request : upstream_.Snapshot().requests) {
      if (request.method == "tools/call") ids[request.text] = request.id;
    }
    return ids;
  }

  FakeMcpServer upstream_;
  Bridge bridge_{ConfigWith({{"fake", upstream_.url()}})};
  std::unique_ptr<v1::ToolService::Stub> stub_ = bridge_.Stub();
};

TEST_P(IsolationTest, EveryCallGetsItsOwnAnswerWhateverBecomesOfTheOthers) {
  ASSERT_TRUE(bridge_.WaitForTools("fake"));
  std::mt19937 random(testing::UnitTest::GetInstance()->random_seed() + 20260323);
  std::vector<std::unique_ptr<Call>> calls;
  std::vector<Fate> fates;
  std::vector<std::string> texts;
  for (int i = 0; i < kCalls; ++i) {
    calls.push_back(NewCall(i));
    texts.push_back("call " + std::to_string(i));
    // The first is killed in mid-call, which is what once took all the others with it.
    const auto draw = random() % 4;
    fates.push_back(i == 0 || draw == 0 ? Fate::kCancelled
                    : draw == 1         ? Fate::kTimedOut
                                        : Fate::kAnswered);
  }
  // A deadline long enough for every call to reach the server before the first one ends.
  constexpr std::chrono::milliseconds kTimeout{3000};
  for (int i = 0; i < kCalls; ++i) {
    const auto at = static_cast<std::size_t>(i);
    calls[at]->Send(fates[at] == Fate::kTimedOut ? kTimeout : std::chrono::milliseconds(0));
  }
  ASSERT_TRUE(upstream_.WaitFor(
      [](const FakeMcpServer::Record& record) { return record.CountCalls("echo") == kCalls; },
      kPatience));
  const auto ids = IdsByText();
  ASSERT_EQ(ids.size(), static_cast<std::size_t>(kCalls)) << "ids are the bridge's own, and unique";

  // Some are cancelled, some answered, in one random order; the rest run into their deadlines.
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < calls.size(); ++i) {
    if (fates[i] != Fate::kTimedOut) order.push_back(i);
  }
  std::shuffle(order.begin() + 1, order.end(), random);
  for (const std::size_t i : order) {
    if (fates[i] == Fate::kCancelled) {
      calls[i]->Cancel();
    } else {
      EXPECT_TRUE(upstream_.Release(ids.at(texts[i]))) << texts[i];
      EXPECT_EQ(calls[i]->Outcome(), texts[i]);
    }
  }
  std::set<std::string> expected;
  for (std::size_t i = 0; i < calls.size(); ++i) {
    if (fates[i] == Fate::kTimedOut) {
      EXPECT_EQ(calls[i]->Outcome(), "DEADLINE_EXCEEDED") << texts[i];
    }
    if (fates[i] != Fate::kAnswered) expected.insert(ids.at(texts[i]));
  }

  // Told exactly once about each, and about no other.
  EXPECT_TRUE(upstream_.WaitFor(
      [&](const FakeMcpServer::Record& record) { return record.cancels.size() >= expected.size(); },
      kPatience));
  FakeMcpServer::Record record = upstream_.Snapshot();
  EXPECT_EQ(record.cancels.size(), expected.size());
  EXPECT_EQ(std::set<std::string>(record.cancels.begin(), record.cancels.end()), expected);

  // One session, opened once, never closed; and it still serves.
  EXPECT_EQ(record.Count("initialize"), 1u);
  EXPECT_EQ(record.sessions_opened, 1);
  EXPECT_EQ(record.Count("DELETE"), 0u);
  upstream_.OnTool("echo", FakeAnswer{});
  auto after = NewCall(0);
  after->Send(std::chrono::milliseconds(0));
  EXPECT_EQ(after->Outcome(), "call 0");
  EXPECT_EQ(upstream_.Snapshot().Count("initialize"), 1u);
}

INSTANTIATE_TEST_SUITE_P(Fronts, IsolationTest,
                         testing::Values(Front{"Grpc", 0}, Front{"Mixed", 1}, Front{"Http", 2}),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace mcpbridge::test

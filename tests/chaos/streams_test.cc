// Hundreds of streams at once, a random part of them cancelled at random points.

#include <grpcpp/client_context.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "mcpbridge/v1/session_service.grpc.pb.h"
#include "mcpbridge/v1/tool_service.grpc.pb.h"
#include "tests/fakes/fake_mcp_server.h"
#include "tests/integration/bridge_fixture.h"

namespace mcpbridge::test {
namespace {

constexpr int kStreams = 500;
constexpr int kEvents = 20;  // of each, before its answer

// One stream, which isn't read before Read(). All that it has been told is in words().
class Stream final : public grpc::ClientReadReactor<v1::CallToolStreamResponse> {
 public:
  Stream(v1::ToolService::Stub& stub, const std::string& text) {
    request_.mutable_call()->set_name("echo");
    request_.mutable_call()->set_arguments_json(R"({"text":")" + text + R"("})");
    stub.async()->CallToolStream(&context_, &request_, this);
    AddHold();
    StartCall();
  }

  // `cancel_after`: so many events; -1: never.
  void Read(int cancel_after) {
    cancel_after_ = cancel_after;
    StartRead(&response_);
    RemoveHold();
  }
  void Cancel() { context_.TryCancel(); }

  grpc::Status End() { return end_.get_future().get(); }
  const std::vector<std::string>& words() const { return words_; }
  int dropped() const { return dropped_; }

 private:
  void OnReadDone(bool ok) override {
    if (!ok) return;
    dropped_ += response_.dropped();
    words_.push_back(response_.has_progress() ? response_.progress().message()
                     : response_.has_result() ? response_.result().content(0).text().text()
                                              : response_.DebugString());
    if (static_cast<int>(words_.size()) == cancel_after_) context_.TryCancel();
    StartRead(&response_);
  }
  void OnDone(const grpc::Status& status) override { end_.set_value(status); }

  grpc::ClientContext context_;
  v1::CallToolStreamRequest request_;
  v1::CallToolStreamResponse response_;
  std::vector<std::string> words_;
  int cancel_after_ = -1;
  int dropped_ = 0;
  std::promise<grpc::Status> end_;
};

// "TEXT 0" ... as progress, under the token it was given, then an answer that waits.
FakeAnswer Talkative(const FakeRequest& request) {
  FakeAnswer answer;
  if (request.method != "tools/call") return answer;
  const std::string key = "\"progressToken\":";
  const std::size_t at = request.params.find(key) + key.size();
  const std::string token = request.params.substr(at, request.params.find('}', at) - at);
  answer.form = FakeAnswer::Form::kSse;
  answer.hold = true;
  for (int i = 0; i < kEvents; ++i) {
    answer.before.push_back(
        R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":)" + token +
        R"(,"progress":)" + std::to_string(i) + R"(,"message":")" + request.text + " " +
        std::to_string(i) + "\"}}");
  }
  return answer;
}

std::vector<std::string> AllOf(const std::string& text) {
  std::vector<std::string> words;
  for (int i = 0; i < kEvents; ++i) words.push_back(text + " " + std::to_string(i));
  words.push_back(text);
  return words;
}

TEST(StreamsChaosTest, SurvivorsAreCompleteAndInOrderAndNothingIsLeftBehind) {
  FakeMcpServer upstream;
  upstream.SetScript(Talkative);
  Bridge bridge(ConfigWith({{"web", upstream.url()}}));
  ASSERT_TRUE(bridge.WaitForTools("web"));
  const std::unique_ptr<v1::ToolService::Stub> stub = bridge.Stub();
  std::mt19937 random(20261125);
  enum class Fate { kSurvives, kCancelsItself, kIsCancelled };
  std::vector<std::unique_ptr<Stream>> streams;
  std::vector<Fate> fates;
  for (int i = 0; i < kStreams; ++i) {
    streams.push_back(std::make_unique<Stream>(*stub, "no. " + std::to_string(i)));
    const auto dice = random() % 4;
    fates.push_back(dice == 0   ? Fate::kCancelsItself
                    : dice == 1 ? Fate::kIsCancelled
                                : Fate::kSurvives);
  }
  ASSERT_TRUE(upstream.WaitFor([](const auto& record) { return record.held.size() == kStreams; },
                               kPatience));
  std::size_t cancelled = 0;
  for (std::size_t i = 0; i < streams.size(); ++i) {
    streams[i]->Read(fates[i] == Fate::kCancelsItself ? 1 + static_cast<int>(random() % kEvents)
                                                      : -1);
    // Others are reading meanwhile.
    if (fates[i] == Fate::kIsCancelled) streams[i]->Cancel();
    if (fates[i] != Fate::kSurvives) ++cancelled;
  }
  EXPECT_TRUE(upstream.WaitFor(
      [&](const auto& record) { return record.cancels.size() == cancelled; }, kPatience))
      << upstream.Snapshot().cancels.size() << " of " << cancelled;
  upstream.ReleaseAll();
  for (std::size_t i = 0; i < streams.size(); ++i) {
    const grpc::Status status = streams[i]->End();
    const std::vector<std::string> all = AllOf("no. " + std::to_string(i));
    const std::vector<std::string>& words = streams[i]->words();
    EXPECT_EQ(streams[i]->dropped(), 0);
    if (fates[i] == Fate::kSurvives) {
      EXPECT_TRUE(status.ok()) << status.error_message();
      EXPECT_EQ(words, all);
    } else {
      EXPECT_EQ(status.error_code(), grpc::StatusCode::CANCELLED);
      ASSERT_LT(words.size(), all.size());
      EXPECT_TRUE(std::equal(words.begin(), words.end(), all.begin())) << "in order so far";
    }
  }
  EXPECT_TRUE(bridge.WaitUntilIdle());
  const FakeMcpServer::Record record = upstream.Snapshot();
  EXPECT_EQ(record.cancels.size(), cancelled) << "each was told once";
  EXPECT_EQ(record.sessions_opened, 1);
  EXPECT_EQ(record.Count("DELETE"), 0u);
}

// A client of Connect, with a thread of its own: `calls` calls, all of which it makes before it
// reads. It is killed after so many answers; -1: it reads all. Whether each of its answers was its
// own.
bool Converse(v1::SessionService::Stub& stub, int client, bool with_session, int calls,
              int killed_after) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kPatience);
  const auto stream = stub.Connect(&context);
  v1::ConnectRequest request;
  if (with_session) {
    request.set_message(
        R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}}})");
    stream->Write(request);
  }
  const std::string name = "client " + std::to_string(client) + " call ";
  for (int i = 1; i <= calls; ++i) {
    request.set_message(CallMessage(std::to_string(i), "echo", name + std::to_string(i) + "."));
    stream->Write(request);
  }
  if (killed_after < 0) stream->WritesDone();
  int answers = 0;
  v1::ConnectResponse response;
  while (answers != killed_after && stream->Read(&response)) {
    const std::string& message = response.message();
    if (message.find(R"("id":0,)") != std::string::npos) continue;
    const std::size_t at = message.find("\"id\":") + 5;
    const std::string id = message.substr(at, message.find(',', at) - at);
    if (message.find("\"" + name + id + ".\"") == std::string::npos) return false;
    ++answers;
  }
  if (killed_after >= 0) context.TryCancel();
  const grpc::Status status = stream->Finish();
  return killed_after >= 0 || (status.ok() && answers == calls);
}

TEST(StreamsChaosTest, ClientsOfConnectThatAreKilledTakeNothingOfOthers) {
  FakeMcpServer upstream;
  Bridge bridge(ConfigWith({{"web", upstream.url()}}));
  ASSERT_TRUE(bridge.WaitForTools("web"));
  const auto stub = v1::SessionService::NewStub(bridge.Channel());
  std::mt19937 random(7);
  constexpr int kClients = 80;
  constexpr int kCalls = 10;
  std::vector<std::future<bool>> clients;
  for (int i = 0; i < kClients; ++i) {
    const bool with_session = random() % 2 == 0;
    const int killed_after = random() % 3 == 0 ? static_cast<int>(random() % kCalls) : -1;
    clients.push_back(std::async(std::launch::async, [&stub, i, with_session, killed_after] {
      return Converse(*stub, i, with_session, kCalls, killed_after);
    }));
  }
  for (std::size_t i = 0; i < clients.size(); ++i) EXPECT_TRUE(clients[i].get()) << "client " << i;
  const auto give_up = std::chrono::steady_clock::now() + kPatience;
  App& app = bridge.app();
  while (app.sessions().size() > 0 && std::chrono::steady_clock::now() < give_up) {
    std::this_thread::yield();
  }
  EXPECT_TRUE(bridge.WaitUntilIdle());
  EXPECT_EQ(app.sessions().size(), 0u);
}

}  // namespace
}  // namespace mcpbridge::test

#include "server/service/asking_call.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/service/parked_calls.h"

namespace mcpbridge {
namespace {

using namespace std::chrono_literals;

// A server that has one request, and notes its end.
class AskingServer final : public Upstream {
 public:
  using Upstream::Upstream;

  Lane* home() override { return nullptr; }
  void Start() override {}
  Result<std::unique_ptr<Exchange>> Send(Lane&, UpstreamRequest, ReplyHandler& handler) override {
    handler_ = &handler;
    return std::unique_ptr<Exchange>(std::make_unique<Open>(ended_));
  }
  void Notify(std::string) override {}
  void Stop(std::string, std::function<void()> done) override { done(); }

  bool ended() const { return ended_; }
  // Asks its caller `text`, a whole JSON-RPC request.
  bool Ask(std::string text) {
    jsonrpc::Text bytes(std::move(text));
    jsonrpc::Parser parser;
    auto message = jsonrpc::Parse(parser, bytes);
    return message && handler_->OnRequest(*message);
  }

 private:
  struct Open final : Exchange {
    explicit Open(bool& over) : ended(over) {}
    ~Open() override { ended = true; }
    void Answer(std::string) override {}
    bool& ended;
  };

  bool ended_ = false;
  ReplyHandler* handler_ = nullptr;
};

// Keeps what the caller's request is answered.
class AskedCaller final : public ReplyHandler {
 public:
  void OnReply(Result<jsonrpc::Message> message) override {
    answers.push_back(message ? std::string(message->result) : message.error().message);
  }
  std::vector<std::string> answers;
};

class AskingCallTest : public testing::Test {
 protected:
  AskingCall::Options OptionsOf(std::chrono::milliseconds parked_time) {
    return {.about = "a",
            .profile = AskableProfile(R"({"elicitation":{}})"),
            .deadline = Deadline::After(1h),
            .session = server_,
            .parked_time = parked_time};
  }
  // A call whose server has asked something: it is parked, and its caller has a state.
  void Park(std::chrono::milliseconds parked_time) {
    auto call = std::make_shared<AskingCall>(parked_, lane_, OptionsOf(parked_time));
    ReplyHandler& handler = caller_;
    auto caller = std::make_shared<AskingCall::Caller>(AskingCall::Caller{lane_, &handler});
    ASSERT_FALSE(call->Start({.method = "tools/call", .params = "{}", .deadline = {}}, caller));
    ASSERT_TRUE(server_->Ask(R"({"jsonrpc":"2.0","id":1,"method":"elicitation/create"})"));
    call.reset();
    Run(30s, [this] { return !caller_.answers.empty(); });
    ASSERT_EQ(caller_.answers.size(), 1u);
    EXPECT_NE(caller_.answers[0].find("requestState"), std::string::npos) << caller_.answers[0];
    EXPECT_EQ(parked_.size(), 1u);
  }
  // The lane's work, until `done`, or for so long.
  void Run(std::chrono::milliseconds time, const std::function<bool()>& done) {
    const auto end = std::chrono::steady_clock::now() + time;
    while (!done() && std::chrono::steady_clock::now() < end) {
      lane_.io().restart();
      lane_.io().run_one_for(10ms);
    }
  }

  const ServerConfig config_;
  Lane lane_{0};
  ParkedCalls parked_{8};
  AskedCaller caller_;
  std::shared_ptr<AskingServer> server_ = std::make_shared<AskingServer>(config_);
};

TEST_F(AskingCallTest, WhoseCallerDoesNotComeBackEndsAfterAWhile) {
  Park(20ms);
  Run(30s, [this] { return parked_.size() == 0; });
  EXPECT_EQ(parked_.size(), 0u);
  EXPECT_TRUE(server_->ended()) << "the server has been told";
  EXPECT_EQ(caller_.answers.size(), 1u) << "nobody is there to be told";
}

TEST_F(AskingCallTest, WaitsForAPerson) {
  EXPECT_EQ(AskingCall::Options().parked_time, 5min);
  Park(1h);
  Run(100ms, [] { return false; });
  EXPECT_EQ(parked_.size(), 1u);
  EXPECT_FALSE(server_->ended());
  parked_.CancelAll();
  Run(30s, [this] { return server_->ended(); });
  EXPECT_TRUE(server_->ended());
}

}  // namespace
}  // namespace mcpbridge

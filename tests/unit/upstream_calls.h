#pragma once

#include <gtest/gtest.h>
#include <spdlog/sinks/base_sink.h>

#include <chrono>
#include <condition_variable>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/runtime/lane.h"
#include "server/upstream/upstream.h"

namespace mcpbridge::test {

// Longer than anything here takes, even under a sanitizer on a busy machine.
inline constexpr std::chrono::seconds kPatience{20};

// Keeps log lines.
class LogCapture final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  // Waits for a line that holds `text`, and returns it; empty: none came.
  std::string WaitFor(const std::string& text) {
    std::unique_lock lock(mutex_);
    std::string found;
    changed_.wait_for(lock, kPatience, [&] {
      for (const std::string& line : lines_) {
        if (line.find(text) != std::string::npos) found = line;
      }
      return !found.empty();
    });
    return found;
  }

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    lines_.emplace_back(message.payload.data(), message.payload.size());
    changed_.notify_all();
  }
  void flush_() override {}

  std::condition_variable_any changed_;
  std::vector<std::string> lines_;
};

// How a call ended.
struct Outcome {
  std::string result = {};  // raw; empty: there is none
  std::string rpc_error = {};
  std::optional<Error> error = {};
  std::vector<std::string> said = {};  // params of what came before, raw
};

// One call from a lane. Copies share it.
class TestCall {
 public:
  TestCall(Upstream& upstream, Lane& lane, std::string method, std::string params)
      : TestCall(upstream, lane,
                 {.method = std::move(method), .params = std::move(params), .deadline = {}}) {}
  TestCall(Upstream& upstream, Lane& lane, UpstreamRequest request)
      : state_(std::make_shared<State>()), lane_(lane) {
    lane_.Post([state = state_, &upstream, &lane, request = std::move(request)]() mutable {
      state->Start(upstream, lane, std::move(request));
    });
  }

  Outcome Wait() {
    if (state_->future.wait_for(kPatience) != std::future_status::ready) {
      ADD_FAILURE() << "no answer";
      return {};
    }
    return state_->future.get();
  }
  // Ends the call, and returns when it has ended; whether it had been answered.
  bool Cancel() {
    std::promise<bool> done;
    std::future<bool> result = done.get_future();
    lane_.Post([state = state_, done = std::move(done)]() mutable {
      state->exchange.reset();
      state->self.reset();
      done.set_value(state->answered);
    });
    return result.get();
  }

 private:
  struct State final : ReplyHandler, std::enable_shared_from_this<State> {
    void Start(Upstream& upstream, Lane& lane, UpstreamRequest request) {
      inside_send = true;
      auto sent = upstream.Send(lane, std::move(request), *this);
      inside_send = false;
      if (!sent) return End({.error = sent.error()});
      exchange = std::move(*sent);
      self = shared_from_this();
    }
    void OnNotification(jsonrpc::Message& message) override { said.emplace_back(message.params); }
    // Serves one method only.
    bool OnRequest(jsonrpc::Message& message) override {
      if (message.method != "elicitation/create") return false;
      exchange->Answer(jsonrpc::ResultMessage(message.id, R"({"mine":true})"));
      return true;
    }
    void OnReply(Result<jsonrpc::Message> message) override {
      EXPECT_FALSE(inside_send);
      const std::shared_ptr<State> keep = std::move(self);
      Outcome outcome{.said = std::move(said)};
      if (message) {
        outcome.result = message->result;
        outcome.rpc_error = message->error;
      } else {
        outcome.error = message.error();
      }
      exchange.reset();
      End(std::move(outcome));
    }
    void End(Outcome outcome) {
      EXPECT_FALSE(std::exchange(answered, true));
      promise.set_value(std::move(outcome));
    }

    std::promise<Outcome> promise;
    std::future<Outcome> future = promise.get_future();
    std::unique_ptr<Exchange> exchange;  // on the lane
    std::shared_ptr<State> self;         // while under way
    std::vector<std::string> said;
    bool inside_send = false;
    bool answered = false;
  };

  std::shared_ptr<State> state_;
  Lane& lane_;
};

}  // namespace mcpbridge::test

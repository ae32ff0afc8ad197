#include "server/frontend/http/lone_calls.h"

#include <utility>

#include "server/jsonrpc/sse.h"

namespace mcpbridge {

class LoneCalls::LoneCall final : public HttpResponder {
 public:
  // `channel` null: nobody listens.
  LoneCall(LoneCalls& owner, std::shared_ptr<SseChannel> channel)
      : owner_(owner), number_(++owner.last_number_), channel_(std::move(channel)) {}

  std::uint64_t number() const { return number_; }

  const SseChannel* channel() const { return channel_.get(); }
  void Set(std::unique_ptr<HttpCall> call) { call_ = std::move(call); }
  HttpCall* call() { return call_.get(); }

  void Respond(HttpResponse response) override {
    if (channel_ != nullptr && !response.body.empty()) {
      channel_->Send(jsonrpc::SseMessage(response.body));
    }
    End();
  }
  void BeginEvents(std::string_view) override {}
  bool SendEvent(std::string_view event) override {
    if (channel_ != nullptr) channel_->Send(std::string(event));
    return channel_ != nullptr;
  }
  void EndEvents(std::string_view event) override {
    if (channel_ != nullptr && !event.empty()) channel_->Send(std::string(event));
    End();
  }

 private:
  // Later: the call is what calls this.
  void End() {
    owner_.lane_.Post([alive = owner_.alive_, number = number_] {
      if (*alive != nullptr) (*alive)->Remove(number);
    });
  }

  LoneCalls& owner_;
  const std::uint64_t number_;
  const std::shared_ptr<SseChannel> channel_;
  std::unique_ptr<HttpCall> call_;
};

LoneCalls::LoneCalls(Lane& lane) : lane_(lane) {}

LoneCalls::~LoneCalls() { *alive_ = nullptr; }

void LoneCalls::Keep(std::unique_ptr<HttpCall> call) {
  auto lone = std::make_unique<LoneCall>(*this, nullptr);
  lone->Set(std::move(call));
  LoneCall& kept = *calls_.emplace_back(std::move(lone));
  kept.call()->GoOnWith(kept);
}

void LoneCalls::Run(std::shared_ptr<SseChannel> channel, const Start& start) {
  LoneCall& lone = *calls_.emplace_back(std::make_unique<LoneCall>(*this, std::move(channel)));
  lone.Set(start(lone));
}

void LoneCalls::End(std::string_view channel_id) {
  // Ending one runs no other's code, but may well post to this lane.
  std::erase_if(calls_, [channel_id](const auto& call) {
    return call->channel() != nullptr && call->channel()->id() == channel_id;
  });
}

void LoneCalls::EndAll() { calls_.clear(); }

void LoneCalls::Remove(std::uint64_t number) {
  std::erase_if(calls_, [number](const auto& call) { return call->number() == number; });
}

}  // namespace mcpbridge

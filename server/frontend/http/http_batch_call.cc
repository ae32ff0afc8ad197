#include "server/frontend/http/http_batch_call.h"

#include <algorithm>
#include <utility>

#include "server/jsonrpc/sse.h"

namespace mcpbridge {

class HttpBatchCall::Part final : public HttpResponder {
 public:
  explicit Part(HttpBatchCall& batch) : batch_(batch) {}

  void Begin(std::string message, const HttpBatchCall::Begin& begin) {
    call_ = begin(std::move(message), *this);
  }

  void OnQuiet() {
    if (!ended_ && call_ != nullptr) call_->OnQuiet();
  }
  bool outlives_connection() const {
    return !ended_ && call_ != nullptr && call_->outlives_connection();
  }
  void GoOnAlone() {
    if (outlives_connection()) {
      call_->GoOnWith(*this);
    } else if (!std::exchange(ended_, true)) {
      call_.reset();  // cancels it
      batch_.OnPartEnd();
    }
  }

  // Statuses are for a body of one message: in a batch the answer alone says how it went.
  void Respond(HttpResponse response) override {
    if (std::exchange(ended_, true)) return;
    if (!response.body.empty()) batch_.answers_.push_back(std::move(response.body));
    batch_.OnPartEnd();
  }

  void BeginEvents(std::string_view headers) override {
    if (!std::exchange(batch_.events_, true)) batch_.responder_->BeginEvents(headers);
  }
  bool SendEvent(std::string_view event) override { return batch_.responder_->SendEvent(event); }
  std::string Peer() const override { return batch_.responder_->Peer(); }
  // Not sent before all have ended: what is sent in between may be dropped.
  void EndEvents(std::string_view event) override {
    if (std::exchange(ended_, true)) return;
    batch_.last_events_ += event;
    batch_.OnPartEnd();
  }

 private:
  HttpBatchCall& batch_;
  std::unique_ptr<HttpCall> call_;
  bool ended_ = false;
};

HttpBatchCall::HttpBatchCall(HttpResponder& responder) : responder_(&responder) {}

HttpBatchCall::~HttpBatchCall() = default;

void HttpBatchCall::Start(std::vector<std::string> messages, const Begin& begin) {
  left_ = messages.size();
  for (std::size_t i = 0; i < messages.size(); ++i) {
    parts_.push_back(std::make_unique<Part>(*this));
  }
  for (std::size_t i = 0; i < messages.size(); ++i) {
    parts_[i]->Begin(std::move(messages[i]), begin);
  }
}

void HttpBatchCall::OnQuiet() {
  for (const auto& part : parts_) part->OnQuiet();
}

bool HttpBatchCall::outlives_connection() const {
  return std::any_of(parts_.begin(), parts_.end(),
                     [](const auto& part) { return part->outlives_connection(); });
}

void HttpBatchCall::GoOnWith(HttpResponder& responder) {
  responder_ = &responder;
  for (const auto& part : parts_) part->GoOnAlone();
}

void HttpBatchCall::OnPartEnd() {
  if (--left_ == 0) Answer();
}

void HttpBatchCall::Answer() {
  if (events_) {
    for (const std::string& answer : answers_) last_events_ += jsonrpc::SseMessage(answer);
    responder_->EndEvents(last_events_);
    return;
  }
  if (answers_.empty()) {
    responder_->Respond({.status = 202});
    return;
  }
  std::string body = "[";
  for (const std::string& answer : answers_) {
    if (body.size() > 1) body += ',';
    body += answer;
  }
  responder_->Respond({.body = body + "]"});
}

}  // namespace mcpbridge

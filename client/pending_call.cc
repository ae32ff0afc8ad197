#include "client/pending_call.h"

#include <utility>

#include "client/call_error.h"
#include "client/messages.h"

namespace mcpbridge::client {

void PendingCall::State::Start(v1::ToolService::Stub& stub, const v1::CallToolRequest& request,
                               grpc::CompletionQueue& queue) {
  reader_ = stub.AsyncCallTool(&context, request, &queue);
  reader_->Finish(&response_, &status_, this);
}

void PendingCall::State::OnTag() {
  if (status_.ok()) {
    End(ResultOf(std::move(response_)));
  } else {
    End(ErrorOf(status_));
  }
}

void PendingCall::State::End(Outcome<CallResult> with) {
  const std::lock_guard lock(mutex_);
  outcome_.emplace(std::move(with));
  ended_.notify_all();
}

PendingCall::PendingCall(std::shared_ptr<State> state) : state_(std::move(state)) {}

PendingCall& PendingCall::operator=(PendingCall&& other) noexcept {
  if (this != &other) {
    if (state_) Cancel();
    state_ = std::move(other.state_);
  }
  return *this;
}

PendingCall::~PendingCall() {
  if (state_) Cancel();
}

const Outcome<CallResult>& PendingCall::Wait() {
  std::unique_lock lock(state_->mutex_);
  state_->ended_.wait(lock, [this] { return state_->outcome_.has_value(); });
  return *state_->outcome_;
}

const Outcome<CallResult>* PendingCall::WaitFor(std::chrono::nanoseconds time) {
  std::unique_lock lock(state_->mutex_);
  state_->ended_.wait_for(lock, time, [this] { return state_->outcome_.has_value(); });
  return state_->outcome_ ? &*state_->outcome_ : nullptr;
}

void PendingCall::Cancel() { state_->context.TryCancel(); }

}  // namespace mcpbridge::client

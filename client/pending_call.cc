#include "client/pending_call.h"

#include <utility>

#include "client/call_error.h"
#include "client/messages.h"

#if defined(MCPBRIDGE_TSAN)
#include <sanitizer/tsan_interface.h>
#endif

namespace mcpbridge::client {

// gRPC isn't instrumented for ThreadSanitizer: it can't see that what was written before the tag
// was handed over is read only after it has come back. These two say so.
void* PendingCall::State::HandOver() {
#if defined(MCPBRIDGE_TSAN)
  __tsan_release(this);
#endif
  return this;
}

PendingCall::State& PendingCall::State::TakeBack(void* tag) {
#if defined(MCPBRIDGE_TSAN)
  __tsan_acquire(tag);
#endif
  return *static_cast<State*>(tag);
}

void PendingCall::State::Start(v1::ToolService::Stub& stub, const v1::CallToolRequest& request,
                               grpc::CompletionQueue& queue) {
  reader_ = stub.AsyncCallTool(&context, request, &queue);
  reader_->Finish(&response_, &status_, HandOver());
}

void PendingCall::State::Start(v1::ToolService::Stub& stub,
                               const v1::CallToolStreamRequest& request, CallEvents events,
                               grpc::CompletionQueue& queue) {
  events_ = std::move(events);
  step_ = Step::kStart;
  stream_ = stub.PrepareAsyncCallToolStream(&context, request, &queue);
  stream_->StartCall(HandOver());
}

bool PendingCall::State::OnTag(bool ok) {
  if (step_ != Step::kFinish) return OnStreamTag(ok);
  if (!status_.ok()) {
    End(ErrorOf(status_));
  } else if (stream_ != nullptr && !has_response_) {
    End(CallError{.code = StatusCode::kInternal,
                  .message = "the bridge ended the call without a result"});
  } else {
    End(ResultOf(std::move(response_)));
  }
  return false;
}

bool PendingCall::State::OnStreamTag(bool ok) {
  if (ok && step_ == Step::kRead) OnEvent(std::move(event_));
  if (ok) {
    step_ = Step::kRead;
    event_.Clear();
    stream_->Read(&event_, HandOver());
  } else {
    step_ = Step::kFinish;
    stream_->Finish(&status_, HandOver());
  }
  return true;
}

void PendingCall::State::OnEvent(v1::CallToolStreamResponse&& event) {
  if (event.dropped() > 0 && events_.on_dropped) events_.on_dropped(event.dropped());
  if (event.has_progress() && events_.on_progress) {
    events_.on_progress(ProgressOf(std::move(*event.mutable_progress())));
  } else if (event.has_log_message() && events_.on_log) {
    events_.on_log(LogMessageOf(std::move(*event.mutable_log_message())));
  } else if (event.has_result()) {
    has_response_ = true;
    response_ = std::move(*event.mutable_result());
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

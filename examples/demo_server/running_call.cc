#include "examples/demo_server/running_call.h"

#include <boost/asio/post.hpp>

namespace mcpbridge::demo {

RunningCall::RunningCall(boost::asio::io_context& io, CallTable& table, Key key,
                         const ToolPlan& plan, std::string result, std::string progress_token,
                         CallSink& sink)
    : io_(io),
      timer_(io),
      table_(table),
      key_(std::move(key)),
      plan_(plan),
      result_(std::move(result)),
      progress_token_(std::move(progress_token)),
      sink_(&sink) {}

RunningCall::~RunningCall() = default;

void RunningCall::Start() {
  table_.Add(shared_from_this());
  timer_.expires_at(std::chrono::steady_clock::now());
  NextStep();
}

// Each step is timed from the one before it, not from when its handler ran: a long count doesn't
// drift.
void RunningCall::NextStep() {
  timer_.expires_at(timer_.expiry() + plan_.interval);
  timer_.async_wait([self = shared_from_this()](boost::system::error_code error) {
    if (!error) self->OnStep();
  });
}

void RunningCall::OnStep() {
  ++step_;
  if (plan_.progress && !progress_token_.empty()) NotifyProgress();
  if (step_ < plan_.steps) {
    NextStep();
  } else {
    Finish();
  }
}

void RunningCall::NotifyProgress() {
  if (sink_ == nullptr) return;
  std::string json = R"({"jsonrpc":"2.0","method":"notifications/progress","params":)";
  json.append(R"({"progressToken":)").append(progress_token_);
  json.append(R"(,"progress":)").append(std::to_string(step_));
  json.append(R"(,"total":)").append(std::to_string(plan_.steps)).append("}}");
  sink_->OnNotification(json);
}

void RunningCall::Finish() {
  if (!table_.Remove(*this) || sink_ == nullptr) return;
  std::string json = R"({"jsonrpc":"2.0","id":)";
  json.append(key_.second).append(R"(,"result":)").append(result_).append("}");
  std::exchange(sink_, nullptr)->OnReply(json);
}

bool RunningCall::Abandon() {
  sink_ = nullptr;
  if (!table_.Abandon(*this)) return false;
  timer_.cancel();
  return true;
}

void RunningCall::Cancel() {
  boost::asio::post(io_, [self = shared_from_this()] {
    self->timer_.cancel();
    // A step that is due already must find nothing to do.
    self->step_ = self->plan_.steps;
    if (self->sink_ != nullptr) std::exchange(self->sink_, nullptr)->OnCancelled();
  });
}

void CallTable::Add(const std::shared_ptr<RunningCall>& call) {
  stats_.CallStarted();
  const std::lock_guard lock(mutex_);
  calls_.emplace(call->key(), call);
}

bool CallTable::Remove(const RunningCall& call) {
  std::shared_ptr<RunningCall> removed;
  const std::lock_guard lock(mutex_);
  auto [at, end] = calls_.equal_range(call.key());
  while (at != end && at->second.get() != &call) ++at;
  if (at == end) return false;
  removed = std::move(at->second);
  calls_.erase(at);
  stats_.CallEnded();
  return true;
}

bool CallTable::Abandon(const RunningCall& call) {
  if (!Remove(call)) return false;
  stats_.CallStopped(call.time());
  return true;
}

bool CallTable::Cancel(const RunningCall::Key& key) {
  std::shared_ptr<RunningCall> call;
  {
    const std::lock_guard lock(mutex_);
    const auto [at, end] = calls_.equal_range(key);
    if (at == end || std::next(at) != end) return false;
    call = std::move(at->second);
    calls_.erase(at);
    stats_.CallEnded();
  }
  stats_.CallStopped(call->time());
  call->Cancel();
  return true;
}

}  // namespace mcpbridge::demo

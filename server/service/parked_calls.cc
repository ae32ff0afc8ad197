#include "server/service/parked_calls.h"

#include <chrono>
#include <utility>

namespace mcpbridge {

Result<ParkedCalls::Ticket> ParkedCalls::Park(std::shared_ptr<AskingCall> call) {
  std::string handle = RequestStates::NewHandle();
  if (handle.empty()) {
    return Error{.reason = Reason::kInternal, .message = "no random bits for a request's state"};
  }
  Ticket ticket{.handle = handle, .state = states_.Seal(handle, call->about())};
  const std::lock_guard lock(mutex_);
  if (closed_) {
    return Error{.reason = Reason::kShuttingDown,
                 .message = "the bridge is shutting down, and can wait for no answer"};
  }
  if (calls_.size() >= most_) {
    return Error{.reason = Reason::kQuestionNotKept,
                 .message =
                     "the server asks its caller, and as many calls wait for answers as may:"
                     " the call was cancelled",
                 .metadata = {{"limit", "bridge.limits.parked_calls"}}};
  }
  calls_.emplace(std::move(handle), std::move(call));
  return ticket;
}

Result<std::shared_ptr<AskingCall>> ParkedCalls::Take(std::string_view state,
                                                      std::string_view about) {
  const auto handle = states_.Open(state, about);
  if (!handle) {
    return Error{.reason = Reason::kInvalidArguments,
                 .message = "params.requestState is not one that the bridge gave for this request"};
  }
  const std::lock_guard lock(mutex_);
  auto taken = calls_.extract(*handle);
  if (taken.empty()) {
    return Error{.reason = Reason::kInvalidArguments,
                 .message =
                     "params.requestState has been used already, or is too old: begin again "
                     "without it"};
  }
  return std::move(taken.mapped());
}

void ParkedCalls::SetLimit(std::size_t most) {
  const std::lock_guard lock(mutex_);
  most_ = most;
}

void ParkedCalls::Forget(const std::string& handle) {
  std::unordered_map<std::string, std::shared_ptr<AskingCall>>::node_type gone;
  const std::lock_guard lock(mutex_);
  gone = calls_.extract(handle);
}

void ParkedCalls::CancelAll() {
  std::unordered_map<std::string, std::shared_ptr<AskingCall>> all;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    all.swap(calls_);
  }
  for (auto& [handle, call] : all) {
    Lane& home = call->home();
    home.Post([call = std::move(call)] { call->Cancel(); });
  }
}

std::size_t ParkedCalls::size() const {
  const std::lock_guard lock(mutex_);
  return calls_.size();
}

}  // namespace mcpbridge

#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "server/base/error.h"
#include "server/service/asking_call.h"
#include "server/service/request_state.h"

namespace mcpbridge {

// The calls that wait for their callers' answers, by the states that their callers have. Owned by
// ToolService. Thread-safe.
class ParkedCalls {
 public:
  // At most `most` at a time.
  explicit ParkedCalls(std::size_t most) : most_(most) {}

  // Holds from the next call on.
  void SetLimit(std::size_t most);

  struct Ticket {
    std::string handle;
    std::string state;  // for the caller
  };

  // Keeps `call` until it is taken or forgotten. Errors: kQuestionNotKept, kShuttingDown, kInternal
  // (no random bits to be had).
  Result<Ticket> Park(std::shared_ptr<AskingCall> call);

  // Whether `state` claims to be of a call that waits here.
  bool IsOurs(std::string_view state) const { return states_.IsOurs(state); }

  // The call that waits for this state; each state is good once. `about`: what the request is that
  // brings it. Error: kInvalidArguments (not of this request, changed, used, or too old).
  Result<std::shared_ptr<AskingCall>> Take(std::string_view state, std::string_view about);

  // It has waited for too long.
  void Forget(const std::string& handle);

  // Cancels all, and lets no more in.
  void CancelAll();

  std::size_t size() const;

 private:
  const RequestStates states_;
  mutable std::mutex mutex_;
  std::size_t most_;
  std::unordered_map<std::string, std::shared_ptr<AskingCall>> calls_;  // by handle
  bool closed_ = false;
};

}  // namespace mcpbridge

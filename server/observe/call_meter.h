#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "server/base/deadline.h"
#include "server/base/error.h"
#include "server/mcp/call_params.h"
#include "server/observe/front.h"

namespace mcpbridge {

class LaneCalls;
struct SeriesByFront;
struct ServerCalls;

// Measures one call and counts it when it ends. A member of its RoutedCall, after what it refers
// to: destroyed in mid-call it counts the call as taken back. Costs no lock, no allocation (unless
// calls are logged) and two looks at the clock. Lane-only.
class CallMeter {
 public:
  using Clock = Deadline::Clock;

  // `key` and `deadline`: the call's own, as they are at any moment.
  CallMeter(LaneCalls& lane, const std::string& key, const Deadline& deadline)
      : lane_(lane), key_(key), deadline_(deadline) {}
  CallMeter(const CallMeter&) = delete;
  CallMeter& operator=(const CallMeter&) = delete;
  ~CallMeter();

  // Whether who calls is to be said, too: only calls that are logged have a use for it.
  bool wants_peer() const;

  // Once. `arrived`: at its front; the epoch: just now.
  void Begin(Front front, CallMethod method, Clock::time_point arrived, std::string peer);

  // It goes to this server (Observer::SlotOf()). False: `tool` has no count of its own, and
  // AddTool() would give it one; only for a tool that the server really lists.
  bool Route(std::size_t slot, std::string_view tool);
  void AddTool(std::string_view tool);

  // Its request has the session and the connection that it needed. The last one counts.
  void Connect(Clock::time_point at) { connected_ = at; }

  // nullopt: with an answer. Once at most.
  void End(std::optional<Reason> reason);

 private:
  friend class LaneCalls;

  LaneCalls& lane_;
  const std::string& key_;
  const Deadline& deadline_;
  CallMeter* next_ = nullptr;  // in the lane's list of calls under way; null: it isn't
  CallMeter* before_ = nullptr;
  std::uint64_t number_ = 0;
  Front front_ = Front::kBridge;
  CallMethod method_ = CallMethod::kCallTool;
  ServerCalls* server_ = nullptr;
  SeriesByFront* series_ = nullptr;
  Clock::time_point arrived_;
  Clock::time_point connected_;
  std::string peer_;
};

}  // namespace mcpbridge

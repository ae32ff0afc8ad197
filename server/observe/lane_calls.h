#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "server/observe/call_counts.h"
#include "server/observe/call_meter.h"
#include "server/runtime/lane.h"

namespace mcpbridge {

class AccessLog;
class Observer;

// The series of one server (or of calls that have none yet), method and tool.
struct SeriesByFront {
  const std::string* tool = nullptr;
  std::array<std::unique_ptr<CallSeries>, kFronts> of;
};

// What one lane counts of one server.
struct ServerCalls {
  static constexpr std::size_t kMethods = static_cast<std::size_t>(CallMethod::kUpdateTask) + 1;

  ServerCalls(const std::string& label, std::size_t at) : name(&label), slot(at) {}

  const std::string* name;
  const std::size_t slot;
  bool full = false;  // no more tools are counted apart
  std::unordered_map<std::string_view, SeriesByFront> tools;
  SeriesByFront other_tools;
  std::array<SeriesByFront, kMethods> methods;
  Histogram upstream;
  std::array<std::size_t, kFronts> in_flight{};
};

// The calls of one lane, those under way and what is counted of those that have ended: no lock and
// no memory that another lane writes to. Owned by the Observer. Lane-only.
class LaneCalls {
 public:
  LaneCalls(Observer& observer, Lane& lane, AccessLog* log);
  LaneCalls(const LaneCalls&) = delete;
  LaneCalls& operator=(const LaneCalls&) = delete;
  ~LaneCalls();

  // What has been counted.
  CallCounts Copy() const;
  // Adds the calls under way, at most `most`, the oldest first.
  void ListTo(std::vector<LiveCall>& calls, std::size_t most) const;

 private:
  friend class CallMeter;

  void Begin(CallMeter& meter);
  bool Route(CallMeter& meter, std::size_t slot, std::string_view tool);
  void AddTool(CallMeter& meter, std::string_view tool);
  void End(CallMeter& meter, std::optional<Reason> reason);
  ServerCalls& Of(std::size_t slot);
  std::string IdOf(const CallMeter& meter) const;

  Observer& observer_;
  Lane& lane_;
  AccessLog* const log_;  // null: calls aren't logged
  std::uint64_t last_number_ = 0;
  std::size_t series_ = 0;  // how many there are
  CallMeter* oldest_ = nullptr;
  CallMeter* newest_ = nullptr;
  ServerCalls nowhere_;                                // calls that have no server (yet)
  std::vector<std::unique_ptr<ServerCalls>> servers_;  // by slot; null: not called yet
  std::array<Histogram, kFronts> queue_{};
};

}  // namespace mcpbridge

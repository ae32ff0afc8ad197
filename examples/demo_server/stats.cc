#include "examples/demo_server/stats.h"

#include <algorithm>
#include <utility>

namespace mcpbridge::demo {

void Stats::CountRequest(std::string_view method) {
  std::size_t index = 0;
  while (index + 1 < kMethods.size() && kMethods[index] != method) ++index;
  requests[index].fetch_add(1, std::memory_order_relaxed);
}

void Stats::CallStarted() {
  const std::uint64_t now = in_flight.fetch_add(1, std::memory_order_relaxed) + 1;
  std::uint64_t max = max_in_flight.load(std::memory_order_relaxed);
  while (max < now && !max_in_flight.compare_exchange_weak(max, now, std::memory_order_relaxed)) {
  }
}

void Stats::CallStopped(std::chrono::milliseconds time) {
  const auto now = std::chrono::steady_clock::now();
  const std::lock_guard lock(mutex_);
  if (stopped_.size() == kMaxStopped) stopped_.pop_front();
  stopped_.emplace_back(time, now);
}

std::string Stats::StoppedToJson() const {
  std::string json = "{";
  const std::lock_guard lock(mutex_);
  for (const auto& [time, at] : stopped_) {
    if (json.size() > 1) json += ',';
    const auto when = std::chrono::nanoseconds(at.time_since_epoch()).count();
    json.append("\"").append(std::to_string(time.count())).append("\":");
    json.append(std::to_string(when));
  }
  return json + '}';
}

std::string Stats::ToJson() const {
  std::string json = "{\"requests\":{";
  for (std::size_t i = 0; i < kMethods.size(); ++i) {
    if (i > 0) json += ',';
    json.append("\"").append(kMethods[i]).append("\":").append(std::to_string(requests[i].load()));
  }
  json += '}';
  const auto add = [&json](std::string_view name, std::uint64_t value) {
    json.append(",\"").append(name).append("\":").append(std::to_string(value));
  };
  const std::uint64_t closed = connections_closed.load();
  add("cancelled_calls", cancelled_calls.load());
  add("cancels_unmatched", cancels_unmatched.load());
  add("disconnected_calls", disconnected_calls.load());
  add("sessions_opened", sessions_opened.load());
  add("sessions_closed", sessions_closed.load());
  add("connections_opened", connections_opened.load());
  add("open_connections", connections_opened.load() - closed);
  add("in_flight", in_flight.load());
  add("max_in_flight", max_in_flight.load());
  return json + '}';
}

}  // namespace mcpbridge::demo

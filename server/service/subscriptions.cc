#include "server/service/subscriptions.h"

#include <chrono>
#include <utility>

namespace mcpbridge {

Error Subscriptions::Stopping() {
  return Error{.reason = Reason::kShuttingDown,
               .message = "the bridge is shutting down: subscribe again once it is back",
               .retry_after = std::chrono::seconds(1)};
}

std::uint64_t Subscriptions::Add(Listener listener) {
  const std::lock_guard lock(mutex_);
  if (stopped_) return 0;
  listeners_.emplace(++last_, std::move(listener));
  return last_;
}

void Subscriptions::Remove(std::uint64_t number) {
  const std::lock_guard lock(mutex_);
  listeners_.erase(number);
}

void Subscriptions::OnListChanged(std::size_t server, ListKind kind) {
  const std::lock_guard lock(mutex_);
  for (const auto& [number, listener] : listeners_) {
    if (!listener.list_changed || !listener.scope.Contains(server)) continue;
    listener.lane->Post([told = listener.list_changed, server, kind] { told(server, kind); });
  }
}

void Subscriptions::OnServersChanged(const std::vector<std::size_t>& servers) {
  if (servers.empty()) return;
  const std::lock_guard lock(mutex_);
  for (const auto& [number, listener] : listeners_) {
    if (!listener.servers_changed) continue;
    listener.lane->Post([told = listener.servers_changed, servers] { told(servers); });
  }
}

void Subscriptions::StopAll() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  for (const auto& [number, listener] : listeners_) {
    if (listener.bridge_stops) listener.lane->Post(listener.bridge_stops);
  }
}

}  // namespace mcpbridge

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <vector>

#include "server/base/error.h"
#include "server/routing/list_kind.h"
#include "server/routing/scope.h"
#include "server/runtime/lane.h"
#include "server/service/message_log.h"

namespace mcpbridge {

// All subscriptions there are, so that each is told when a list changes, and when the bridge stops.
// Owned by ToolService. Thread-safe.
class Subscriptions {
 public:
  // What is told, on `lane`, each until Remove() has returned there.
  struct Listener {
    Lane* lane = nullptr;
    Scope scope = {};
    std::function<void(std::size_t server, ListKind kind)> list_changed = {};
    std::function<void()> bridge_stops = {};
    // Other servers, or none, are in these places now.
    std::function<void(const std::vector<std::size_t>& servers)> servers_changed = {};
  };

  // Why none can begin while the bridge is stopping.
  static Error Stopping();

  // Its number; 0: the bridge is stopping. On `listener.lane`.
  std::uint64_t Add(Listener listener);
  // On its lane. What was posted to it may still come: whoever is told makes sure to be alive.
  void Remove(std::uint64_t number);

  // A server's list has become another.
  void OnListChanged(std::size_t server, ListKind kind);
  // Other servers have come, or none, in the places of these.
  void OnServersChanged(const std::vector<std::size_t>& servers);
  // Tells all, and lets no new one begin.
  void StopAll();

  // What the sessions of subscriptions would keep for readers, who aren't there.
  MessageLog::Budget& no_budget() { return no_budget_; }

 private:
  std::mutex mutex_;
  std::map<std::uint64_t, Listener> listeners_;
  std::uint64_t last_ = 0;
  bool stopped_ = false;
  MessageLog::Budget no_budget_;
};

}  // namespace mcpbridge

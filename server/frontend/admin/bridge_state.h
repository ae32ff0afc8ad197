#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "server/observe/call_counts.h"
#include "server/routing/route_table.h"
#include "server/runtime/executor.h"
#include "server/service/client_session.h"
#include "server/service/tool_service.h"
#include "server/upstream/upstream_pool.h"

namespace mcpbridge {

// Who can say how the bridge is doing. All outlive whoever holds this.
struct StateSources {
  ToolService& service;
  ClientSessions& sessions;
  Executor& executor;
};

// What the lanes have said of themselves, one after the other.
struct BridgeState {
  // How many calls of one lane are told at most.
  static constexpr std::size_t kMostCalls = 1000;

  std::vector<CallCounts> counts;          // by lane
  std::vector<LiveCall> calls;             // if they were asked for
  std::vector<UpstreamPool::Usage> usage;  // by server
  // The servers, as the first lane has them: all have the same, but for the moment of a reload. It
  // keeps them alive.
  std::shared_ptr<const RouteTable> table;

  // What `lane` knows. On it.
  void Add(const StateSources& from, Lane& lane, bool with_calls);
};

// How many tools of the server are known.
inline std::size_t ToolCount(const RouteTable& table, std::size_t server) {
  const EntryList* const tools = table.Known(server, ListKind::kTools);
  return tools != nullptr ? tools->entries.size() : 0;
}

}  // namespace mcpbridge

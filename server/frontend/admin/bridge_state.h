#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "server/observe/call_counts.h"
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
  std::vector<std::size_t> tools;          // that are known, by server

  // What `lane` knows. On it.
  void Add(const StateSources& from, Lane& lane, bool with_calls);
};

}  // namespace mcpbridge

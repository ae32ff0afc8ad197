#include "server/frontend/admin/bridge_state.h"

namespace mcpbridge {

void BridgeState::Add(const StateSources& from, Lane& lane, bool with_calls) {
  ToolService& service = from.service;
  LaneCalls& of_lane = service.observer().Of(lane);
  counts.push_back(of_lane.Copy());
  if (with_calls) of_lane.ListTo(calls, kMostCalls);
  if (table == nullptr) {
    table = service.router().Current(lane);
    usage.resize(table->config().servers.size());
  }
  service.pool().AddConnections(lane, usage);
}

}  // namespace mcpbridge

#include "server/frontend/admin/bridge_state.h"

namespace mcpbridge {

void BridgeState::Add(const StateSources& from, Lane& lane, bool with_calls) {
  ToolService& service = from.service;
  const std::size_t servers = service.config().servers.size();
  LaneCalls& of_lane = service.observer().Of(lane);
  counts.push_back(of_lane.Copy());
  if (with_calls) of_lane.ListTo(calls, kMostCalls);
  usage.resize(servers);
  service.pool().AddConnections(lane, usage);
  if (!tools.empty()) return;
  // Every lane has the same table.
  tools.resize(servers);
  for (std::size_t i = 0; i < servers; ++i) {
    const EntryList* const list = service.router().Current(lane)->Known(i, ListKind::kTools);
    if (list != nullptr) tools[i] = list->entries.size();
  }
}

}  // namespace mcpbridge

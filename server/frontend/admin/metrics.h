#pragma once

#include <prometheus/metric_type.h>

#include <span>
#include <string>

#include "server/frontend/admin/bridge_state.h"

namespace mcpbridge {

// A metric that the bridge has. docs/observability.md has all of them; a test holds it against
// this.
struct MetricInfo {
  const char* name;
  prometheus::MetricType type;
  const char* help;
};

std::span<const MetricInfo> AllMetrics();

// What else /metrics tells.
struct ListenerState {
  int http_connections;
  int admin_connections;
};

// Everything, in Prometheus' text format. Any thread.
std::string MetricsText(const StateSources& from, const BridgeState& state,
                        const ListenerState& listeners);

}  // namespace mcpbridge

#pragma once

#include <string>

#include "server/frontend/admin/bridge_state.h"

namespace mcpbridge {

// {"in_flight":N,"calls":[{"id","front","server","method","key","age_ms","deadline_left_ms"},...]}:
// the oldest first; of very many not all.
std::string CallsJson(const StateSources& from, const BridgeState& state);

// {"version","ready","upstreams":[{"name","description","transport","health","era",
// "protocol_version","server_name","server_version","last_error","in_flight","connections",
// "client_sessions","processes","tools"},...]}.
std::string UpstreamsJson(const StateSources& from, const BridgeState& state);

}  // namespace mcpbridge

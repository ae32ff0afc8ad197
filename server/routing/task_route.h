#pragma once

#include <string>
#include <string_view>

#include "server/base/error.h"
#include "server/config/config.h"
#include "server/routing/route_table.h"
#include "server/routing/scope.h"

namespace mcpbridge {

// What stands before the ids of a server's tasks for callers with this scope: nothing where that is
// one server, whose ids are passed on as they are; otherwise the server's name and the separator
// that tools have too.
std::string TaskPrefixOf(const Config& config, const Scope& scope, std::size_t server);

// Whose task `id` is, as such a caller knows it, and its own id at that server (within `id`).
// Error: kInvalidArguments (nobody's in the scope).
Result<Route> ResolveTask(const Config& config, const Scope& scope, std::string_view id);

}  // namespace mcpbridge

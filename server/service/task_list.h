#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/base/error.h"
#include "server/config/config.h"
#include "server/routing/scope.h"

namespace mcpbridge {

// The tasks of several servers in one list: a page of it is one page of each server that has more,
// and its cursor holds the cursor of each. Pure functions, on any thread.

// Where the list goes on: servers, each with its own cursor (raw JSON string; empty: its first
// page).
using TaskPositions = std::vector<std::pair<std::size_t, std::string>>;

// Opaque to callers; URL-safe ASCII without padding. No position may be at its first page.
std::string TaskCursorOf(const Config& config, const Scope& scope, const TaskPositions& positions);

// Errors: kInvalidArguments (not a cursor of ours, or one of another scope).
Result<TaskPositions> ParseTaskCursor(const Config& config, const Scope& scope,
                                      std::string_view cursor);

}  // namespace mcpbridge

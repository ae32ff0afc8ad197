#pragma once

#include <string>
#include <vector>

#include "server/config/config.h"

namespace mcpbridge {

// `wanted` with the places that its servers have, or had, in `running`: each name keeps its own,
// names that `wanted` has not stay behind as absent ones, and new names come after them.
Config Placed(Config wanted, const Config& running);

// Whether what was opened for one, a process or sessions, serves the other as well: they differ at
// most in what is looked up call by call (names, groups, allowed tools, time-out, and the like).
bool SameConnection(const ServerConfig& a, const ServerConfig& b);

// The settings that `wanted` has otherwise than `running` and that only a start can change; each
// names its path, and that it needs a restart.
std::vector<ConfigError> NeedsRestart(const BridgeConfig& running, const BridgeConfig& wanted,
                                      const std::string& file);

// What a reload changes: the names of servers, sorted.
struct ServerChanges {
  std::vector<std::string> added;
  std::vector<std::string> changed;   // their processes and sessions are made anew
  std::vector<std::string> adjusted;  // something about them is another, but they go on
  std::vector<std::string> removed;
  std::vector<std::string> kept;

  // "1 added (time), 2 changed (a, b), 1 removed (c), 5 kept"
  std::string ToString() const;
};

// From `running` to `placed`, which is Placed().
ServerChanges ChangesOf(const Config& running, const Config& placed);

}  // namespace mcpbridge

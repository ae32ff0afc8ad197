#pragma once

#include <chrono>
#include <string>

#include "server/config/config.h"

namespace mcpbridge {

// What a bridge said of itself, or why it said nothing.
struct HealthAnswer {
  bool serving = false;
  std::string text;  // "SERVING", "NOT_SERVING", or the failure in a sentence
};

// Asks the bridge whose gRPC front listens at `address` for the health of `service`: empty for the
// bridge as a whole, "mcp.NAME" for one of its servers. Health needs no key. An address that stands
// for all of a machine's ("0.0.0.0", "::") is asked on loopback. Blocks for `timeout` at most;
// needs nothing running in this process, and leaves nothing.
HealthAnswer AskHealth(const ListenAddress& address, const std::string& service,
                       std::chrono::milliseconds timeout);

// `mcp-bridge healthcheck`, for probes: prints the answer to standard output, or the failure to
// standard error. Returns the exit code: 0 serving, 1 not.
int Healthcheck(const ListenAddress& address, const std::string& service,
                std::chrono::milliseconds timeout);

}  // namespace mcpbridge

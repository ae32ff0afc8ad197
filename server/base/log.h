#pragma once

#include <spdlog/spdlog.h>

#include <string>

namespace mcpbridge {

// Sends all logging to standard error, gRPC's included, from `level` upwards
// (trace|debug|info|warn|error|off). Call once, before any thread is started. Thread-safe
// afterwards: log with spdlog::info("upstream {}: ...", name). Secrets never go into a log line.
void InitLogging(const std::string& level);

// From now on.
void SetLogLevel(const std::string& level);

}  // namespace mcpbridge

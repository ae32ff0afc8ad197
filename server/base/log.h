#pragma once

#include <spdlog/spdlog.h>

#include <string>

namespace mcpbridge {

// Sends all logging to standard error, gRPC's included, from `level` upwards
// (trace|debug|info|warn|error|off). Nobody waits for who reads it (log_sink.h). Call once, before
// any thread is started. Thread-safe afterwards: log with spdlog::info("upstream {}: ...", name).
// Secrets never go into a log line.
void InitLogging(const std::string& level);

// The same levels, from now on. False: it isn't one of them. Any thread.
bool SetLogLevel(const std::string& level);
std::string CurrentLogLevel();

}  // namespace mcpbridge

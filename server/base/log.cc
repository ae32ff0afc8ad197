#include "server/base/log.h"

#include <grpc/support/log.h>
#include <unistd.h>

#include <memory>

#include "server/base/log_sink.h"

namespace mcpbridge {
namespace {

void LogFromGrpc(gpr_log_func_args* args) {
  // gRPC reports ordinary network events as errors; only its own word for "error" is worth a
  // warning.
  const auto level =
      args->severity == GPR_LOG_SEVERITY_ERROR ? spdlog::level::warn : spdlog::level::debug;
  spdlog::log(level, "grpc: {}", args->message);
}

}  // namespace

void InitLogging(const std::string& level) {
  auto logger =
      std::make_shared<spdlog::logger>("mcp-bridge", std::make_shared<LogSink>(STDERR_FILENO));
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
  logger->set_level(spdlog::level::from_str(level));
  spdlog::set_default_logger(std::move(logger));
  gpr_set_log_function(&LogFromGrpc);
}

bool SetLogLevel(const std::string& level) {
  const auto wanted = spdlog::level::from_str(level);
  if (wanted == spdlog::level::off && level != "off") return false;
  if (CurrentLogLevel() != level)
    spdlog::info("log level: {} instead of {}", level, CurrentLogLevel());
  spdlog::set_level(wanted);
  return true;
}

std::string CurrentLogLevel() {
  switch (spdlog::get_level()) {
    case spdlog::level::warn:
      return "warn";
    case spdlog::level::err:
      return "error";
    default:
      break;
  }
  const auto name = spdlog::level::to_string_view(spdlog::get_level());
  return {name.data(), name.size()};
}

}  // namespace mcpbridge

#include "server/app/reloader.h"

#include <utility>
#include <variant>

#include "server/base/log.h"
#include "server/config/difference.h"
#include "server/config/load.h"

namespace mcpbridge {

Reloader::Reloader(std::string file, std::string text, Flags flags, App& app)
    : file_(std::move(file)), text_(std::move(text)), flags_(std::move(flags)), app_(app) {}

void Reloader::OnSignal() {
  if (app_.config().bridge.reload == ReloadOn::kOff) {
    spdlog::warn("reload: SIGHUP, but bridge.reload is off: nothing has changed");
    return;
  }
  auto read = ReadConfigFile(file_);
  if (const auto* error = std::get_if<ConfigError>(&read)) return Refuse("SIGHUP", {*error});
  Reload("SIGHUP", std::get<std::string>(std::move(read)));
}

// Of a file that can't be read it is said once: it may be about to be replaced.
void Reloader::OnFile() {
  if (app_.config().bridge.reload != ReloadOn::kAuto) return;
  constexpr std::string_view kWhy = "the file has changed";
  auto read = ReadConfigFile(file_);
  if (const auto* error = std::get_if<ConfigError>(&read)) {
    if (std::exchange(readable_, false)) Refuse(kWhy, {*error});
    return;
  }
  readable_ = true;
  if (std::get<std::string>(read) != text_) Reload(kWhy, std::get<std::string>(std::move(read)));
}

void Reloader::Reload(std::string_view why, std::string text) {
  text_ = std::move(text);
  const auto with_flags = [this](Config config) {
    flags_(config);
    return config;
  };
  auto parsed = ParseConfig(text_, file_, ProcessEnv, [&](const Config& wanted) {
    const Config adjusted = with_flags(wanted);
    std::vector<ConfigError> errors = CheckConfig(adjusted, file_);
    for (ConfigError& error : NeedsRestart(app_.config().bridge, adjusted.bridge, file_)) {
      errors.push_back(std::move(error));
    }
    return errors;
  });
  if (const auto* errors = std::get_if<std::vector<ConfigError>>(&parsed)) {
    return Refuse(why, *errors);
  }
  Config wanted = with_flags(std::get<Config>(std::move(parsed)));
  const std::string level = wanted.bridge.log_level;
  const Result<std::string> changes = app_.Reload(std::move(wanted));
  if (!changes) {
    return Refuse(why,
                  {{.file = file_, .path = "mcp_servers", .message = changes.error().message}});
  }
  spdlog::info("reload: {}: {} is in force: {}", why, file_, *changes);
  SetLogLevel(level);
}

void Reloader::Refuse(std::string_view why, const std::vector<ConfigError>& errors) {
  for (const ConfigError& error : errors) spdlog::error("reload: {}", error.ToString());
  spdlog::error("reload: {}: {} error{}: nothing has changed, the running configuration stays", why,
                errors.size(), errors.size() == 1 ? "" : "s");
}

}  // namespace mcpbridge

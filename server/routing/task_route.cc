#include "server/routing/task_route.h"

#include <optional>

namespace mcpbridge {

std::string TaskPrefixOf(const Config& config, const Scope& scope, std::size_t server) {
  return scope.Only(config) ? std::string() : config.servers[server].name + kNameSeparator;
}

Result<Route> ResolveTask(const Config& config, const Scope& scope, std::string_view id) {
  if (const auto only = scope.Only(config)) return Route{.server = *only, .name = id};
  const std::size_t separator = id.find(kNameSeparator);
  if (separator != std::string_view::npos) {
    const auto server = IndexOf(config, id.substr(0, separator));
    if (server && scope.Contains(*server)) {
      return Route{.server = *server, .name = id.substr(separator + 1)};
    }
  }
  constexpr std::size_t kShown = 100;
  return Error{.reason = Reason::kInvalidArguments,
               .message = "Unknown task: " + std::string(id.substr(0, kShown))};
}

}  // namespace mcpbridge

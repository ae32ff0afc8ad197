#include "server/routing/route_table.h"

#include <algorithm>

namespace mcpbridge {
namespace {

bool Contains(const std::vector<std::string>& list, std::string_view what) {
  return std::find(list.begin(), list.end(), what) != list.end();
}

Error ToolNotFound(std::string_view tool, std::string_view hint) {
  return Error{.reason = Reason::kToolNotFound,
               .message = "Unknown tool: " + std::string(tool) + std::string(hint),
               .metadata = {{"tool", std::string(tool)}}};
}

}  // namespace

RouteTable::RouteTable(const Config& config,
                       std::vector<std::shared_ptr<const Catalogue>> catalogues)
    : config_(config), catalogues_(std::move(catalogues)) {
  for (std::size_t server = 0; server < catalogues_.size(); ++server) {
    if (catalogues_[server] == nullptr) continue;
    for (const ToolEntry& tool : catalogues_[server]->tools) {
      if (Allowed(config_.servers[server], tool.name)) by_tool_[tool.name].push_back(server);
    }
  }
}

bool RouteTable::Allowed(const ServerConfig& server, std::string_view tool) {
  if (Contains(server.disallowed_tools, tool)) return false;
  return server.allowed_tools.empty() || Contains(server.allowed_tools, tool);
}

Result<std::size_t> RouteTable::FindServer(std::string_view name) const {
  const auto at = std::lower_bound(
      config_.servers.begin(), config_.servers.end(), name,
      [](const ServerConfig& server, std::string_view wanted) { return server.name < wanted; });
  if (at == config_.servers.end() || at->name != name) {
    return Error{.reason = Reason::kServerNotFound,
                 .message = "no server named \"" + std::string(name) + "\" is configured",
                 .metadata = {{"server", std::string(name)}}};
  }
  return static_cast<std::size_t>(at - config_.servers.begin());
}

Result<Route> RouteTable::Check(std::size_t server, std::string_view tool) const {
  const ServerConfig& config = config_.servers[server];
  if (!Allowed(config, tool)) {
    return Error{.reason = Reason::kToolNotAllowed,
                 .message = "the configuration of server \"" + config.name +
                            "\" does not allow tool \"" + std::string(tool) + "\"",
                 .metadata = {{"server", config.name}, {"tool", std::string(tool)}}};
  }
  const auto& catalogue = catalogues_[server];
  const bool unknown = catalogue != nullptr && catalogue->Find(tool) == nullptr;
  return Route{.server = server, .tool = tool, .unknown_tool = unknown};
}

Result<Route> RouteTable::Resolve(std::string_view server, std::string_view name) const {
  const std::size_t separator = name.find(kNameSeparator);
  const bool has_prefix = separator != std::string_view::npos && separator != 0;
  const std::string_view prefix = has_prefix ? name.substr(0, separator) : std::string_view();
  const std::string_view rest = has_prefix ? name.substr(separator + 1) : name;

  if (!server.empty() || config_.servers.size() == 1) {
    const Result<std::size_t> index = server.empty() ? Result<std::size_t>(0) : FindServer(server);
    if (!index) return index.error();
    // LiteLLM prefixes names on single-server paths too: its spelling is accepted, unless the
    // server itself has a tool of that very name.
    const auto& catalogue = catalogues_[*index];
    const bool own = catalogue != nullptr && catalogue->Find(name) != nullptr;
    const bool spelled_out = prefix == config_.servers[*index].name && !rest.empty() && !own;
    return Check(*index, spelled_out ? rest : name);
  }
  if (const Result<std::size_t> index = FindServer(prefix); has_prefix && index) {
    return Check(*index, rest);
  }
  const auto found = by_tool_.find(name);
  if (found == by_tool_.end()) {
    const bool all_known = std::all_of(catalogues_.begin(), catalogues_.end(),
                                       [](const auto& catalogue) { return catalogue != nullptr; });
    return ToolNotFound(name, all_known ? ""
                                        : " (some servers could not be asked for their tools; "
                                          "\"server-tool\" names one directly)");
  }
  if (found->second.size() > 1) {
    Error error{.reason = Reason::kToolAmbiguous,
                .message = "several servers have a tool named \"" + std::string(name) +
                           "\"; call it by one of:",
                .metadata = {{"tool", std::string(name)}}};
    for (const std::size_t index : found->second) {
      error.message += " " + ListedName(index, name, /*scoped=*/false);
    }
    return error;
  }
  return Check(found->second.front(), name);
}

std::string RouteTable::ListedName(std::size_t server, std::string_view tool, bool scoped) const {
  if (scoped || config_.servers.size() == 1) return std::string(tool);
  return config_.servers[server].name + kNameSeparator + std::string(tool);
}

}  // namespace mcpbridge

#include "server/routing/scope.h"

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>

#include <algorithm>
#include <utility>

namespace mcpbridge {
namespace {

constexpr std::size_t kShown = 100;  // of an unknown name, in an error

bool Same(std::string_view a, std::string_view b) {
  return absl::EqualsIgnoreCase({a.data(), a.size()}, {b.data(), b.size()});
}

bool ContainsIgnoringCase(const std::vector<std::string>& list, std::string_view what) {
  return std::any_of(list.begin(), list.end(),
                     [what](const std::string& item) { return Same(item, what); });
}

// The names in a list by commas; empty ones are none.
std::vector<std::string_view> Split(std::string_view text) {
  std::vector<std::string_view> names;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    const absl::string_view name = absl::StripAsciiWhitespace({text.data(), end});
    if (!name.empty()) names.emplace_back(name.data(), name.size());
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return names;
}

// Collects the servers that names stand for.
class Collector {
 public:
  explicit Collector(const Config& config) : config_(config) {}

  void AddServerOrGroup(std::string_view name) {
    if (!AddServer(name) && !AddGroup(name)) unknown_.push_back(name);
  }
  void AddOnlyGroup(std::string_view name) {
    if (!AddGroup(name)) unknown_.push_back(name);
  }

  Result<Scope> Take(std::string_view what) && {
    if (unknown_.empty()) return Scope::Of(std::move(servers_));
    std::string names;
    for (const std::string_view name : unknown_) {
      if (!names.empty()) names += "', '";
      names += name.substr(0, kShown);
    }
    return Error{.reason = Reason::kServerNotFound,
                 .message = std::string(what) + " '" + names + "' not found",
                 .metadata = {{"server", names}}};
  }

 private:
  bool AddServer(std::string_view name) {
    const std::optional<std::size_t> exact = IndexOf(config_, name);
    if (exact) servers_.push_back(*exact);
    for (std::size_t i = 0; !exact && i < config_.servers.size(); ++i) {
      const ServerConfig& server = config_.servers[i];
      if (server.absent) continue;
      if (!Same(server.name, name) && !ContainsIgnoringCase(server.other_names, name)) continue;
      servers_.push_back(i);
      return true;
    }
    return exact.has_value();
  }

  bool AddGroup(std::string_view name) {
    const std::size_t before = servers_.size();
    for (std::size_t i = 0; i < config_.servers.size(); ++i) {
      if (ContainsIgnoringCase(config_.servers[i].access_groups, name)) servers_.push_back(i);
    }
    return servers_.size() > before;
  }

  const Config& config_;
  std::vector<std::size_t> servers_;
  std::vector<std::string_view> unknown_;
};

Error NoName(std::string_view header) {
  return Error{
      .reason = Reason::kInvalidRequest,
      .message = std::string(header) + " names nothing: leave it out to reach all servers"};
}

Result<Scope> FromPath(const Config& config, std::string_view path) {
  const std::vector<std::string_view> names = Split(path);
  if (names.empty() || names.size() > kMaxPathNames) {
    return Error{.reason = Reason::kInvalidRequest,
                 .message = "a path names 1 to " + std::to_string(kMaxPathNames) +
                            " servers or access groups, by commas"};
  }
  Collector collector(config);
  for (const std::string_view name : names) collector.AddServerOrGroup(name);
  return std::move(collector).Take("MCP server or access group");
}

Result<Scope> FromHeaders(const Config& config, const ScopeNames& headers) {
  Collector collector(config);
  if (headers.servers) {
    const std::vector<std::string_view> names = Split(*headers.servers);
    if (names.empty()) return NoName("x-mcp-servers");
    for (const std::string_view name : names) collector.AddServerOrGroup(name);
  }
  if (headers.groups) {
    const std::vector<std::string_view> names = Split(*headers.groups);
    if (names.empty()) return NoName("x-mcp-access-groups");
    for (const std::string_view name : names) collector.AddOnlyGroup(name);
  }
  return std::move(collector).Take(headers.servers ? "MCP server or access group" : "access group");
}

}  // namespace

Scope Scope::Of(std::vector<std::size_t> servers) {
  std::sort(servers.begin(), servers.end());
  servers.erase(std::unique(servers.begin(), servers.end()), servers.end());
  if (servers.size() == 1) return Scope(servers.front());
  Scope scope;
  scope.several_ = std::make_shared<const std::vector<std::size_t>>(std::move(servers));
  return scope;
}

bool Scope::Contains(std::size_t server) const {
  if (one_) return *one_ == server;
  return several_ == nullptr || std::binary_search(several_->begin(), several_->end(), server);
}

std::optional<std::size_t> Scope::Only(const Config& config) const {
  if (is_all() && config.server_count() == 1) return config.IndexAt(0);
  return one_;
}

std::vector<std::size_t> Scope::Servers(const Config& config) const {
  std::vector<std::size_t> servers;
  if (one_) {
    if (!config.servers[*one_].absent) servers.push_back(*one_);
    return servers;
  }
  servers.reserve(several_ != nullptr ? several_->size() : config.server_count());
  for (std::size_t i = 0; i < config.server_count(); ++i) {
    const std::size_t server = config.IndexAt(i);
    if (Contains(server)) servers.push_back(server);
  }
  return servers;
}

std::string Scope::Names(const Config& config) const {
  std::string names;
  if (is_all()) return names;
  for (const std::size_t server : Servers(config)) {
    if (!names.empty()) names += ',';
    names += config.servers[server].name;
  }
  return names;
}

std::optional<std::size_t> IndexOf(const Config& config, std::string_view name) {
  std::size_t first = 0;
  for (std::size_t count = config.server_count(); count > 0;) {
    const std::size_t half = count / 2;
    if (config.servers[config.IndexAt(first + half)].name < name) {
      first += half + 1;
      count -= half + 1;
    } else {
      count = half;
    }
  }
  if (first < config.server_count()) {
    const std::size_t index = config.IndexAt(first);
    if (config.servers[index].name == name) return index;
  }
  for (std::size_t i = 0; i < config.servers.size(); ++i) {
    const std::vector<std::string>& others = config.servers[i].other_names;
    if (std::find(others.begin(), others.end(), name) != others.end()) return i;
  }
  return std::nullopt;
}

// Like FindServer(), by its index.
std::optional<Error> CheckPresent(const Config& config, std::size_t server) {
  const ServerConfig& found = config.servers[server];
  if (!found.absent) return std::nullopt;
  return Error{.reason = Reason::kServerNotFound,
               .message = "server \"" + found.name + "\" is not configured any more",
               .metadata = {{"server", found.name}}};
}

Result<std::size_t> FindServer(const Config& config, std::string_view name) {
  if (const std::optional<std::size_t> index = IndexOf(config, name)) return *index;
  return Error{.reason = Reason::kServerNotFound,
               .message = "no server named \"" + std::string(name) + "\" is configured",
               .metadata = {{"server", std::string(name)}}};
}

Result<Scope> FindScope(const Config& config, const ScopeNames& names) {
  if (!names.path.empty()) return FromPath(config, names.path);
  if (names.servers || names.groups) return FromHeaders(config, names);
  return Scope();
}

}  // namespace mcpbridge

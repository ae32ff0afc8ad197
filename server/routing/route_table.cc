#include "server/routing/route_table.h"

#include <algorithm>
#include <atomic>

namespace mcpbridge {
namespace {

bool Contains(const std::vector<std::string>& list, std::string_view what) {
  return std::find(list.begin(), list.end(), what) != list.end();
}

Error NotFound(ListKind kind, std::string_view name, bool all_known) {
  const std::string item(InfoOf(kind).item);
  Error error{.reason = kind == ListKind::kTools ? Reason::kToolNotFound : Reason::kPromptNotFound,
              .message = "Unknown " + item + ": " + std::string(name),
              .metadata = {{item, std::string(name)}}};
  if (!all_known) {
    error.message += " (some servers could not be asked for their " + item + "s; \"server-" + item +
                     "\" names one directly)";
  }
  return error;
}

std::uint64_t NextNumber() {
  static std::atomic<std::uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

// The entry that `name` is the key of, or else the one that was listed as `listed`.
const ListEntry* FindEntry(const EntryList* list, const ListedNames& names, std::string_view name,
                           std::string_view listed) {
  const ListEntry* entry = list == nullptr ? nullptr : list->Find(name);
  return entry != nullptr ? entry : names.FindShortened(listed);
}

}  // namespace

RouteTable::RouteTable(std::shared_ptr<const Config> config,
                       std::vector<std::shared_ptr<const Catalogue>> catalogues,
                       std::shared_ptr<const ServerSet> servers)
    : kept_config_(std::move(config)),
      config_(*kept_config_),
      catalogues_(std::move(catalogues)),
      servers_(std::move(servers)),
      number_(NextNumber()) {
  for (const ListKind kind : kListKinds) {
    if (!InfoOf(kind).has_names) continue;
    names_[kind].resize(catalogues_.size());
    for (std::size_t i = 0; i < config_.server_count(); ++i) AddNames(kind, config_.IndexAt(i));
  }
  for (std::size_t i = 0; i < config_.server_count(); ++i) AddTemplates(config_.IndexAt(i));
}

void RouteTable::AddNames(ListKind kind, std::size_t server) {
  if (Known(server, kind) == nullptr) return;
  const std::shared_ptr<const EntryList>& list = catalogues_[server]->lists[kind].list;
  const ServerConfig& config = config_.servers[server];
  names_[kind][server] = {.among_all = ListedNames(config.name + kNameSeparator, list),
                          .alone = ListedNames("", list)};
  for (const ListEntry& entry : list->entries) {
    if (kind == ListKind::kTools && !Allowed(config, entry.key)) continue;
    by_name_[kind][entry.key].push_back(server);
  }
}

void RouteTable::AddTemplates(std::size_t server) {
  const EntryList* list = Known(server, ListKind::kTemplates);
  if (list == nullptr) return;
  for (const ListEntry& entry : list->entries) {
    templates_.push_back({.pattern = UriTemplate(entry.key), .server = server});
  }
}

bool RouteTable::AllKnown(ListKind kind, const Scope& scope) const {
  for (std::size_t i = 0; i < config_.server_count(); ++i) {
    const std::size_t server = config_.IndexAt(i);
    if (scope.Contains(server) && Known(server, kind) == nullptr) return false;
  }
  return true;
}

bool RouteTable::Allowed(const ServerConfig& server, std::string_view tool) {
  if (Contains(server.disallowed_tools, tool)) return false;
  return server.allowed_tools.empty() || Contains(server.allowed_tools, tool);
}

Result<Route> RouteTable::Resolve(const Scope& scope, std::string_view name) const {
  return ResolveNamed(ListKind::kTools, scope, name);
}

Result<Route> RouteTable::ResolvePrompt(const Scope& scope, std::string_view name) const {
  return ResolveNamed(ListKind::kPrompts, scope, name);
}

// `name` is the server's own, unless `listed`, all that the caller said, is one of `names` that was
// too long for a list.
Result<Route> RouteTable::ResolveAt(ListKind kind, std::size_t server, const ListedNames& names,
                                    std::string_view name, std::string_view listed) const {
  const EntryList* list = Known(server, kind);
  if (list == nullptr && LooksShortened(listed)) {
    return Route{.server = server, .name = name, .unknown = true};
  }
  const ListEntry* entry = FindEntry(list, names, name, listed);
  if (entry != nullptr) name = entry->key;
  const ServerConfig& config = config_.servers[server];
  if (kind == ListKind::kTools && !Allowed(config, name)) {
    return Error{.reason = Reason::kToolNotAllowed,
                 .message = "the configuration of server \"" + config.name +
                            "\" does not allow tool \"" + std::string(name) + "\"",
                 .metadata = {{"server", config.name}, {"tool", std::string(name)}}};
  }
  return Route{.server = server, .name = name, .unknown = list != nullptr && entry == nullptr};
}

Result<Route> RouteTable::ResolveNamed(ListKind kind, const Scope& scope,
                                       std::string_view name) const {
  const std::size_t separator = name.find(kNameSeparator);
  const bool has_prefix = separator != std::string_view::npos && separator != 0;
  const std::string_view prefix = has_prefix ? name.substr(0, separator) : std::string_view();
  const std::string_view rest = has_prefix ? name.substr(separator + 1) : name;
  const std::optional<std::size_t> named = IndexOf(config_, prefix);

  if (const std::optional<std::size_t> only = scope.Only(config_)) {
    // LiteLLM prefixes names on single-server paths too: its spelling is accepted, unless the
    // server itself has something of that very name.
    const ServerNames& names = names_[kind][*only];
    const bool own = FindEntry(Known(*only, kind), names.alone, name, name) != nullptr;
    const bool spelled_out = named && *named == *only && !rest.empty() && !own;
    return spelled_out ? ResolveAt(kind, *only, names.among_all, rest, name)
                       : ResolveAt(kind, *only, names.alone, name, name);
  }
  if (named && scope.Contains(*named)) {
    return ResolveAt(kind, *named, names_[kind][*named].among_all, rest, name);
  }
  return ResolveBare(kind, scope, name);
}

// Among several servers, without the name of one in front.
Result<Route> RouteTable::ResolveBare(ListKind kind, const Scope& scope,
                                      std::string_view name) const {
  const auto found = by_name_[kind].find(name);
  if (found != by_name_[kind].end()) {
    const std::vector<std::size_t>& servers = found->second;
    const auto contains = [&scope](std::size_t server) { return scope.Contains(server); };
    const auto first = std::find_if(servers.begin(), servers.end(), contains);
    if (first != servers.end()) {
      if (std::any_of(first + 1, servers.end(), contains)) {
        return Ambiguous(kind, name, scope, servers);
      }
      return ResolveAt(kind, *first, names_[kind][*first].among_all, name, name);
    }
  }
  // The name of a server may be so long that no more than its beginning is left.
  for (std::size_t i = 0; i < config_.server_count(); ++i) {
    const std::size_t server = config_.IndexAt(i);
    if (!scope.Contains(server)) continue;
    const ListedNames& names = names_[kind][server].among_all;
    if (names.FindShortened(name) != nullptr) return ResolveAt(kind, server, names, name, name);
  }
  return NotFound(kind, name, AllKnown(kind, scope));
}

Error RouteTable::Ambiguous(ListKind kind, std::string_view name, const Scope& scope,
                            const std::vector<std::size_t>& servers) const {
  const std::string item(InfoOf(kind).item);
  Error error{
      .reason = kind == ListKind::kTools ? Reason::kToolAmbiguous : Reason::kPromptAmbiguous,
      .message = "several servers have a " + item + " named \"" + std::string(name) +
                 "\"; call it by one of:",
      .metadata = {{item, std::string(name)}}};
  for (const std::size_t server : servers) {
    if (!scope.Contains(server)) continue;
    const ListEntry& entry = *Known(server, kind)->Find(name);
    error.message += " " + ListedName(kind, server, entry, scope);
  }
  return error;
}

Result<Route> RouteTable::ResolveResource(const Scope& scope, std::string_view uri) const {
  if (const auto only = scope.Only(config_)) return Route{.server = *only, .name = uri};
  for (std::size_t i = 0; i < config_.server_count(); ++i) {
    const std::size_t server = config_.IndexAt(i);
    if (!scope.Contains(server)) continue;
    const EntryList* list = Known(server, ListKind::kResources);
    if (list != nullptr && list->Find(uri) != nullptr) return Route{.server = server, .name = uri};
  }
  for (const Template& known : templates_) {
    if (scope.Contains(known.server) && known.pattern.Matches(uri)) {
      return Route{.server = known.server, .name = uri};
    }
  }
  Error error{.reason = Reason::kResourceNotFound,
              .message = "Resource not found: " + std::string(uri),
              .metadata = {{"uri", std::string(uri)}}};
  if (!AllKnown(ListKind::kResources, scope) || !AllKnown(ListKind::kTemplates, scope)) {
    error.message += " (some servers could not be asked for their resources)";
  }
  return error;
}

std::string RouteTable::ListedName(ListKind kind, std::size_t server, const ListEntry& entry,
                                   const Scope& scope) const {
  if (!InfoOf(kind).has_names) return entry.key;
  const ServerNames& names = names_[kind][server];
  return scope.Only(config_) ? names.alone.NameOf(entry) : names.among_all.NameOf(entry);
}

}  // namespace mcpbridge

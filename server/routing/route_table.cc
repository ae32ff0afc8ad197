#include "server/routing/route_table.h"

#include <algorithm>

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

// The entry that `name` is the key of, or else the one that was listed as `listed`.
const ListEntry* FindEntry(const EntryList* list, const ListedNames& names, std::string_view name,
                           std::string_view listed) {
  const ListEntry* entry = list == nullptr ? nullptr : list->Find(name);
  return entry != nullptr ? entry : names.FindShortened(listed);
}

}  // namespace

RouteTable::RouteTable(const Config& config,
                       std::vector<std::shared_ptr<const Catalogue>> catalogues)
    : config_(config), catalogues_(std::move(catalogues)) {
  for (const ListKind kind : kListKinds) {
    if (!InfoOf(kind).has_names) continue;
    names_[kind].resize(catalogues_.size());
    for (std::size_t server = 0; server < catalogues_.size(); ++server) AddNames(kind, server);
  }
  for (std::size_t server = 0; server < catalogues_.size(); ++server) AddTemplates(server);
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

bool RouteTable::AllKnown(ListKind kind) const {
  for (std::size_t server = 0; server < catalogues_.size(); ++server) {
    if (Known(server, kind) == nullptr) return false;
  }
  return true;
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

Result<Route> RouteTable::Resolve(std::string_view server, std::string_view name) const {
  return ResolveNamed(ListKind::kTools, server, name);
}

Result<Route> RouteTable::ResolvePrompt(std::string_view server, std::string_view name) const {
  return ResolveNamed(ListKind::kPrompts, server, name);
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

Result<Route> RouteTable::ResolveNamed(ListKind kind, std::string_view server,
                                       std::string_view name) const {
  const std::size_t separator = name.find(kNameSeparator);
  const bool has_prefix = separator != std::string_view::npos && separator != 0;
  const std::string_view prefix = has_prefix ? name.substr(0, separator) : std::string_view();
  const std::string_view rest = has_prefix ? name.substr(separator + 1) : name;

  if (!server.empty() || config_.servers.size() == 1) {
    const Result<std::size_t> index = server.empty() ? Result<std::size_t>(0) : FindServer(server);
    if (!index) return index.error();
    // LiteLLM prefixes names on single-server paths too: its spelling is accepted, unless the
    // server itself has something of that very name.
    const ServerNames& names = names_[kind][*index];
    const bool own = FindEntry(Known(*index, kind), names.alone, name, name) != nullptr;
    const bool spelled_out = prefix == config_.servers[*index].name && !rest.empty() && !own;
    return spelled_out ? ResolveAt(kind, *index, names.among_all, rest, name)
                       : ResolveAt(kind, *index, names.alone, name, name);
  }
  if (has_prefix) {
    const Result<std::size_t> index = FindServer(prefix);
    if (index) return ResolveAt(kind, *index, names_[kind][*index].among_all, rest, name);
  }
  return ResolveBare(kind, name);
}

// Among several servers, without the name of one in front.
Result<Route> RouteTable::ResolveBare(ListKind kind, std::string_view name) const {
  const auto found = by_name_[kind].find(name);
  if (found != by_name_[kind].end()) {
    if (found->second.size() > 1) return Ambiguous(kind, name, found->second);
    const std::size_t server = found->second.front();
    return ResolveAt(kind, server, names_[kind][server].among_all, name, name);
  }
  // The name of a server may be so long that no more than its beginning is left.
  for (std::size_t server = 0; server < catalogues_.size(); ++server) {
    const ListedNames& names = names_[kind][server].among_all;
    if (names.FindShortened(name) != nullptr) return ResolveAt(kind, server, names, name, name);
  }
  return NotFound(kind, name, AllKnown(kind));
}

Error RouteTable::Ambiguous(ListKind kind, std::string_view name,
                            const std::vector<std::size_t>& servers) const {
  const std::string item(InfoOf(kind).item);
  Error error{
      .reason = kind == ListKind::kTools ? Reason::kToolAmbiguous : Reason::kPromptAmbiguous,
      .message = "several servers have a " + item + " named \"" + std::string(name) +
                 "\"; call it by one of:",
      .metadata = {{item, std::string(name)}}};
  for (const std::size_t server : servers) {
    const ListEntry& entry = *Known(server, kind)->Find(name);
    error.message += " " + ListedName(kind, server, entry, /*scoped=*/false);
  }
  return error;
}

Result<Route> RouteTable::ResolveResource(std::string_view server, std::string_view uri) const {
  if (!server.empty()) {
    const Result<std::size_t> index = FindServer(server);
    if (!index) return index.error();
    return Route{.server = *index, .name = uri};
  }
  if (config_.servers.size() == 1) return Route{.server = 0, .name = uri};
  for (std::size_t i = 0; i < catalogues_.size(); ++i) {
    const EntryList* list = Known(i, ListKind::kResources);
    if (list != nullptr && list->Find(uri) != nullptr) return Route{.server = i, .name = uri};
  }
  for (const Template& known : templates_) {
    if (known.pattern.Matches(uri)) return Route{.server = known.server, .name = uri};
  }
  Error error{.reason = Reason::kResourceNotFound,
              .message = "Resource not found: " + std::string(uri),
              .metadata = {{"uri", std::string(uri)}}};
  if (!AllKnown(ListKind::kResources) || !AllKnown(ListKind::kTemplates)) {
    error.message += " (some servers could not be asked for their resources)";
  }
  return error;
}

std::string RouteTable::ListedName(ListKind kind, std::size_t server, const ListEntry& entry,
                                   bool scoped) const {
  if (!InfoOf(kind).has_names) return entry.key;
  const ServerNames& names = names_[kind][server];
  return scoped || config_.servers.size() == 1 ? names.alone.NameOf(entry)
                                               : names.among_all.NameOf(entry);
}

}  // namespace mcpbridge

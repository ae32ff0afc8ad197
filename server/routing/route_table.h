#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/base/error.h"
#include "server/config/config.h"
#include "server/routing/catalogue.h"
#include "server/routing/list_kind.h"
#include "server/routing/listed_names.h"
#include "server/routing/scope.h"
#include "server/routing/uri_template.h"

namespace mcpbridge {

class ServerSet;  // upstream/server.h: what is known here is only that it is kept

// Between a server's name and its tool's or prompt's: LiteLLM's separator.
inline constexpr char kNameSeparator = '-';

// Where a call goes.
struct Route {
  std::size_t server = 0;  // index into Config::servers
  // The server's own name for the tool or prompt, or the resource's uri. Points into the caller's
  // text or into the table.
  std::string_view name;
  // The server's list is known and this isn't in it, or only the list can tell what it is: worth
  // asking the server again, once.
  bool unknown = false;
};

// From names to servers and what they have, as of one moment. Immutable; lanes share snapshots of
// it.
class RouteTable {
 public:
  // `catalogues`: by server index, null where nothing is known yet. `servers`: those of `config`,
  // which exist as long as this table; null: they are kept otherwise.
  RouteTable(std::shared_ptr<const Config> config,
             std::vector<std::shared_ptr<const Catalogue>> catalogues,
             std::shared_ptr<const ServerSet> servers = nullptr);
  // The same of a configuration that outlives it.
  RouteTable(const Config& config, std::vector<std::shared_ptr<const Catalogue>> catalogues)
      : RouteTable(std::shared_ptr<const Config>(std::shared_ptr<void>(), &config),
                   std::move(catalogues)) {}
  RouteTable(const RouteTable&) = delete;
  RouteTable& operator=(const RouteTable&) = delete;

  // A tool of a server in `scope`. Of several: by prefix, or by a name that is unique in the scope.
  // Every name that ListedName() gives is found again.
  // Errors: kToolNotFound, kToolAmbiguous, kToolNotAllowed.
  Result<Route> Resolve(const Scope& scope, std::string_view name) const;

  // A prompt, likewise. Errors: kPromptNotFound, kPromptAmbiguous.
  Result<Route> ResolvePrompt(const Scope& scope, std::string_view name) const;

  // A resource. Where the scope is one server, of that one: it knows best what it has. Otherwise of
  // the first, in the order of names, that lists the uri; otherwise of the first with a template
  // that matches it. Error: kResourceNotFound.
  Result<Route> ResolveResource(const Scope& scope, std::string_view uri) const;

  const Config& config() const { return config_; }
  const std::shared_ptr<const Config>& shared_config() const { return kept_config_; }
  const std::shared_ptr<const ServerSet>& servers() const { return servers_; }
  // No other table of this process has, or had, this number.
  std::uint64_t number() const { return number_; }

  // One list of one server; null: not known.
  const EntryList* Known(std::size_t server, ListKind kind) const {
    return catalogues_[server] == nullptr ? nullptr : catalogues_[server]->Known(kind);
  }
  // Null: nothing is known of the server.
  const Catalogue* catalogue(std::size_t server) const { return catalogues_[server].get(); }

  // Whether the server's allowed_tools and disallowed_tools let `tool` through.
  static bool Allowed(const ServerConfig& server, std::string_view tool);

  // What `entry`, one of a known list, is called in a list of `scope`. A tool or a prompt:
  // "server-name" where that is several servers, the bare name otherwise, never longer than
  // kMaxListedName. All else: its own key.
  std::string ListedName(ListKind kind, std::size_t server, const ListEntry& entry,
                         const Scope& scope) const;

 private:
  struct ServerNames {
    ListedNames among_all;
    ListedNames alone;
  };
  struct Template {
    UriTemplate pattern;
    std::size_t server;
  };

  void AddNames(ListKind kind, std::size_t server);
  void AddTemplates(std::size_t server);
  bool AllKnown(ListKind kind, const Scope& scope) const;
  Result<Route> ResolveNamed(ListKind kind, const Scope& scope, std::string_view name) const;
  Result<Route> ResolveAt(ListKind kind, std::size_t server, const ListedNames& names,
                          std::string_view name, std::string_view listed) const;
  Result<Route> ResolveBare(ListKind kind, const Scope& scope, std::string_view name) const;
  Error Ambiguous(ListKind kind, std::string_view name, const Scope& scope,
                  const std::vector<std::size_t>& servers) const;

  const std::shared_ptr<const Config> kept_config_;
  const Config& config_;
  const std::vector<std::shared_ptr<const Catalogue>> catalogues_;
  const std::shared_ptr<const ServerSet> servers_;
  const std::uint64_t number_;
  PerList<std::vector<ServerNames>> names_;  // by server index; of kinds that have names
  // Bare name -> servers that have it and allow it. Views into catalogues_.
  PerList<std::map<std::string_view, std::vector<std::size_t>, std::less<>>> by_name_;
  std::vector<Template> templates_;  // in the order of servers' names
};

}  // namespace mcpbridge

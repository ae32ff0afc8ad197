#include "server/service/listing.h"

#include <algorithm>
#include <cstddef>
#include <optional>

namespace mcpbridge {
namespace {

// A list that waits for several servers. Kept by their callbacks; lives on one lane.
struct Waiting {
  ListKind kind = ListKind::kTools;
  Scope scope;
  std::vector<std::size_t> servers;
  std::size_t left = 0;
  std::vector<std::optional<Error>> failures;  // by position in `servers`
  Lister::Done done;
};

Error NotKnown(const RouteTable& table, std::size_t server, ListKind kind) {
  const Catalogue* catalogue = table.catalogue(server);
  if (catalogue != nullptr && catalogue->lists[kind].failure) {
    return *catalogue->lists[kind].failure;
  }
  return Error{.message = "its " + std::string(InfoOf(kind).item) + "s are not known"};
}

void AddItems(const EntryList& list, std::size_t server, const Scope& scope, Listing& listing) {
  const RouteTable& table = *listing.table;
  const ServerConfig& config = table.config().servers[server];
  for (const ListEntry& entry : list.entries) {
    if (listing.kind == ListKind::kTools && !RouteTable::Allowed(config, entry.key)) continue;
    listing.items.push_back({.server = config.name,
                             .entry = &entry,
                             .listed_name = table.ListedName(listing.kind, server, entry, scope)});
  }
}

void EndWaiting(Waiting& waiting, std::shared_ptr<const RouteTable> table) {
  const auto failed = [](const auto& failure) { return failure.has_value(); };
  if (std::all_of(waiting.failures.begin(), waiting.failures.end(), failed)) {
    waiting.done(*waiting.failures.front());
    return;
  }
  Listing listing{.kind = waiting.kind,
                  .scope = waiting.scope.Names(table->config()),
                  .table = std::move(table),
                  .items = {},
                  .unavailable = {}};
  for (std::size_t i = 0; i < waiting.servers.size(); ++i) {
    const std::size_t server = waiting.servers[i];
    const EntryList* list = listing.table->Known(server, waiting.kind);
    if (waiting.failures[i] || list == nullptr) {
      listing.unavailable.emplace_back(listing.table->config().servers[server].name,
                                       waiting.failures[i]
                                           ? *waiting.failures[i]
                                           : NotKnown(*listing.table, server, waiting.kind));
    } else {
      AddItems(*list, server, waiting.scope, listing);
    }
  }
  waiting.done(std::move(listing));
}

}  // namespace

void Lister::List(std::shared_ptr<CatalogueView> view, ListKind kind, Lane& lane,
                  const Scope& scope, std::chrono::milliseconds max_age, Deadline deadline,
                  Done done) {
  auto waiting = std::make_shared<Waiting>();
  waiting->kind = kind;
  waiting->scope = scope;
  waiting->servers = scope.Servers(view->Current(lane)->config());
  if (waiting->servers.empty()) {
    done(Error{.reason = Reason::kServerNotFound,
               .message = "none of these servers is configured any more"});
    return;
  }
  waiting->done = std::move(done);
  waiting->left = waiting->servers.size();
  waiting->failures.resize(waiting->servers.size());
  for (std::size_t i = 0; i < waiting->servers.size(); ++i) {
    view->Refresh(waiting->servers[i], kind, lane, max_age, deadline,
                  [view, &lane, waiting, i](std::optional<Error> error) {
                    waiting->failures[i] = std::move(error);
                    if (--waiting->left == 0) EndWaiting(*waiting, view->Current(lane));
                  });
  }
}

}  // namespace mcpbridge

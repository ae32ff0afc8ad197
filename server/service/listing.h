#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/base/deadline.h"
#include "server/base/error.h"
#include "server/config/config.h"
#include "server/routing/list_kind.h"
#include "server/routing/route_table.h"
#include "server/runtime/lane.h"
#include "server/service/catalogue_view.h"

namespace mcpbridge {

// One list of some servers together, as of one moment.
struct Listing {
  struct Item {
    std::string_view server;  // its name; lives in the Config
    const ListEntry* entry;   // lives in `table`
    std::string listed_name;  // what callers call it by; a resource's or template's own key
  };
  ListKind kind = ListKind::kTools;
  std::string scope;  // the names of the servers that were asked for (Scope::Names)
  std::shared_ptr<const RouteTable> table;
  std::vector<Item> items;  // sorted by server and key; tools: only those that are allowed
  // Servers whose items are missing, and why.
  std::vector<std::pair<std::string, Error>> unavailable;
};

// Lists what servers have. Owned by ToolService.
class Lister {
 public:
  using Done = std::function<void(Result<Listing>)>;

  // Of the servers in `scope`, as `view` has them. Asks those whose list isn't known or older than
  // `max_age`, waiting until `deadline` at the most. `done` runs once on `lane`, possibly before
  // this returns; whoever may be gone by then must make `done` know. On `lane`. Error: what kept
  // every server from answering; kServerNotFound, where none of them is configured any more.
  void List(std::shared_ptr<CatalogueView> view, ListKind kind, Lane& lane, const Scope& scope,
            std::chrono::milliseconds max_age, Deadline deadline, Done done);

  // The same with the configured age.
  void List(std::shared_ptr<CatalogueView> view, ListKind kind, Lane& lane, const Scope& scope,
            Deadline deadline, Done done) {
    const auto max_age = view->Current(lane)->config().bridge.catalogue_ttl;
    List(std::move(view), kind, lane, scope, max_age, deadline, std::move(done));
  }
};

}  // namespace mcpbridge

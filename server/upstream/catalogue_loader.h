#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>

#include "server/base/deadline.h"
#include "server/base/error.h"
#include "server/routing/catalogue.h"
#include "server/routing/router.h"
#include "server/runtime/lane.h"
#include "server/upstream/list_loader.h"
#include "server/upstream/status.h"
#include "server/upstream/upstream.h"

namespace mcpbridge {

// Keeps the lists of one server, as far as its capabilities declare them, each with an age and a
// failure of its own, and publishes what changes to the Router. Owned by Server; lives on
// `home` except where it says so.
class CatalogueLoader final : private ListOwner {
 public:
  // Told how it went; an error: the list is as it was before.
  using Done = ListLoader::Done;

  // `changed` is told, on `home`, when a list that was known has become another; with
  // `tells_first`, also when one becomes known that has something in it. `number`: what the lists
  // are published as.
  CatalogueLoader(
      std::size_t server, Upstream& upstream, Lane& home, Router& router, const StatusBoard& status,
      std::function<void(ListKind)> changed = [](ListKind) {}, Router::Number number = 0,
      bool tells_first = false);
  ~CatalogueLoader();

  // See UpstreamPool::RefreshCatalogue(). On `lane`, any lane.
  void Refresh(ListKind kind, Lane& lane, std::chrono::milliseconds max_age, Deadline deadline,
               Done done);

  // One of the server's lists has changed, or it has just connected: asks in the background. Any
  // thread.
  void Invalidate();

  // Gives up what is under way, for good (why: for those who wait). Any thread.
  void Stop(Error why = {.reason = Reason::kShuttingDown, .message = "the bridge is stopping"});

  // Whether the server has declared the list, or has said nothing yet. Any thread.
  bool Offers(ListKind kind) const override;

 private:
  void OnList(ListKind kind, Result<EntryList> list) override;
  void Publish();

  const std::size_t server_;
  Upstream& upstream_;
  Lane& home_;
  Router& router_;
  const StatusBoard& status_;
  const std::function<void(ListKind)> changed_;
  const Router::Number number_;
  const bool tells_first_;
  Catalogue catalogue_;
  PerList<std::unique_ptr<ListLoader>> loaders_;
};

}  // namespace mcpbridge

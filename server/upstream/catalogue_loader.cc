#include "server/upstream/catalogue_loader.h"

#include <utility>

#include "server/base/log.h"

namespace mcpbridge {

CatalogueLoader::CatalogueLoader(std::size_t server, Upstream& upstream, Lane& home, Router& router,
                                 const StatusBoard& status, std::function<void(ListKind)> changed,
                                 Router::Number number, bool tells_first)
    : server_(server),
      upstream_(upstream),
      home_(home),
      router_(router),
      status_(status),
      changed_(std::move(changed)),
      number_(number),
      tells_first_(tells_first) {
  ListOwner& self = *this;
  for (const ListKind kind : kListKinds) {
    loaders_[kind] = std::make_unique<ListLoader>(kind, upstream, home, self);
  }
}

CatalogueLoader::~CatalogueLoader() = default;

void CatalogueLoader::Refresh(ListKind kind, Lane& lane, std::chrono::milliseconds max_age,
                              Deadline deadline, Done done) {
  // The lane's snapshot can be a moment behind the loader: only the lane's own table is proof.
  const bool known = router_.Current(lane)->Known(server_, kind) != nullptr;
  if (known && loaders_[kind]->IsFresh(max_age)) {
    done(std::nullopt);
  } else {
    loaders_[kind]->Refresh(lane, deadline, std::move(done));
  }
}

void CatalogueLoader::Invalidate() {
  home_.Post([this] {
    for (const ListKind kind : kListKinds) loaders_[kind]->Invalidate();
  });
}

void CatalogueLoader::Stop(Error why) {
  home_.Post([this, why = std::move(why)] {
    for (const ListKind kind : kListKinds) loaders_[kind]->Stop(why);
  });
}

// A server that has never said what it has is asked: it may be about to connect.
bool CatalogueLoader::Offers(ListKind kind) const {
  const UpstreamStatus status = status_.Of(upstream_.config().name);
  if (status.protocol_version.empty()) return true;
  switch (kind) {
    case ListKind::kTools:
      return status.has_tools;
    case ListKind::kResources:
    case ListKind::kTemplates:
      return status.has_resources;
    case ListKind::kPrompts:
      return status.has_prompts;
  }
  return true;
}

void CatalogueLoader::OnList(ListKind kind, Result<EntryList> list) {
  Catalogue::Slot& slot = catalogue_.lists[kind];
  const bool had_failed = slot.failure.has_value();
  if (!list) {
    slot.failure = std::move(list).error();
    if (!had_failed) Publish();
    return;
  }
  slot.failure.reset();
  const bool was_known = slot.list != nullptr;
  const bool is_same = was_known && *slot.list == *list;
  const bool is_news = tells_first_ && !list->entries.empty();
  if (!is_same) {
    const ListKindInfo& info = InfoOf(kind);
    if (slot.list != nullptr || !list->entries.empty()) {
      spdlog::info("upstream {}: {} {}s", upstream_.config().name, list->entries.size(), info.item);
    }
    slot.list = std::make_shared<const EntryList>(*std::move(list));
  }
  if (!is_same || had_failed) Publish();
  if (!is_same && (was_known || is_news)) changed_(kind);
}

void CatalogueLoader::Publish() {
  router_.Publish(server_, std::make_shared<const Catalogue>(catalogue_), number_);
}

}  // namespace mcpbridge

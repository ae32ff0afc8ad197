#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>

#include "server/base/deadline.h"
#include "server/base/error.h"
#include "server/routing/catalogue.h"
#include "server/runtime/deadline_queue.h"
#include "server/runtime/lane.h"
#include "server/upstream/upstream.h"

namespace mcpbridge {

// Where the lists of one server go. Lives on the loaders' home lane.
class ListOwner {
 public:
  // Whether the server is to be asked for this list; else it is taken to be empty.
  virtual bool Offers(ListKind kind) const = 0;
  // How a load went. Returns once every lane is bound to see it before anything posted later.
  virtual void OnList(ListKind kind, Result<EntryList> list) = 0;

 protected:
  ~ListOwner() = default;
};

// Asks one server for one of its lists (all pages) when it isn't known, is too old or has changed,
// once for all who want it. Owned by CatalogueLoader; lives on `home` except where it says so.
class ListLoader final : private ReplyHandler, private DeadlineEntry {
 public:
  // Told how it went; an error: the list is as it was before.
  using Done = std::function<void(std::optional<Error>)>;

  ListLoader(ListKind kind, Upstream& upstream, Lane& home, ListOwner& owner);
  ~ListLoader();

  // Whether the list was asked for less than `max_age` ago. Any thread.
  bool IsFresh(std::chrono::milliseconds max_age) const;

  // Loads, or joins a load under way; `done` runs once on `lane`, by `deadline`. Any thread.
  void Refresh(Lane& lane, Deadline deadline, Done done);

  // The list has changed: asks in the background.
  void Invalidate();

  // Gives up what is under way, for good; `why`: for those who wait.
  void Stop(const Error& why);

 private:
  struct Waiter;

  void Wait(Lane& lane, Deadline deadline, Done done);
  void Load();
  void AskPage(const std::string& cursor);
  void OnReply(Result<jsonrpc::Message> message) override;
  void OnDeadline() override;
  void End(std::optional<Error> error);

  const ListKindInfo& info_;
  const ListKind kind_;
  Upstream& upstream_;
  Lane& home_;
  ListOwner& owner_;
  // When the owner's list was asked for; min: it has none, or it is known to be outdated.
  std::atomic<Deadline::Clock::time_point> loaded_at_{Deadline::Clock::time_point::min()};

  std::optional<Error> stopped_;  // why it asks no more
  bool loading_ = false;
  bool changed_meanwhile_ = false;
  Deadline::Clock::time_point asked_at_;
  EntryList partial_;
  int pages_ = 0;
  std::unique_ptr<Exchange> exchange_;
  std::list<std::unique_ptr<Waiter>> waiters_;
};

}  // namespace mcpbridge

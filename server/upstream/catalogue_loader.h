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
#include "server/routing/router.h"
#include "server/runtime/deadline_queue.h"
#include "server/runtime/lane.h"
#include "server/upstream/upstream.h"

namespace mcpbridge {

// Keeps the list of one server's tools: asks for it (all pages) when it isn't known, is too old or
// has changed, once for all who want it, and publishes it to the Router. Owned by UpstreamPool;
// lives on `home` except where it says so.
class CatalogueLoader final : private ReplyHandler, private DeadlineEntry {
 public:
  // Told how it went; an error: the list is as it was before.
  using Done = std::function<void(std::optional<Error>)>;

  CatalogueLoader(std::size_t server, Upstream& upstream, Lane& home, Router& router);
  ~CatalogueLoader();

  // See UpstreamPool::RefreshCatalogue(). On `lane`, any lane.
  void Refresh(Lane& lane, std::chrono::milliseconds max_age, Deadline deadline, Done done);

  // The server's tools have changed, or it has just connected: asks in the background. Any thread.
  void Invalidate();

  // Gives up what is under way, for good. Any thread.
  void Stop();

 private:
  struct Waiter;

  void Wait(Lane& lane, Deadline deadline, Done done);
  void Load();
  void AskPage(const std::string& cursor);
  void OnReply(Result<jsonrpc::Message> message) override;
  void OnDeadline() override;
  void End(std::optional<Error> error);

  const std::size_t server_;
  Upstream& upstream_;
  Lane& home_;
  Router& router_;
  // When the list in the Router was asked for; min: there is none, or it is known to be outdated.
  std::atomic<Deadline::Clock::time_point> loaded_at_{Deadline::Clock::time_point::min()};

  bool stopped_ = false;
  bool loading_ = false;
  bool changed_meanwhile_ = false;
  Deadline::Clock::time_point asked_at_;
  std::unique_ptr<Catalogue> partial_;
  int pages_ = 0;
  std::unique_ptr<Exchange> exchange_;
  std::list<std::unique_ptr<Waiter>> waiters_;
};

}  // namespace mcpbridge

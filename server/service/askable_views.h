#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "server/runtime/executor.h"
#include "server/service/asking_sessions.h"
#include "server/service/private_view.h"

namespace mcpbridge {

// What legacy servers have for callers of the modern era that they can ask something: some offer
// tools only to those. Which servers are legacy is known from the first request of that era on. One
// view for each set of capabilities, in the session that AskingSessions keeps for it. Owned by
// ToolService. Thread-safe.
class AskableViews {
 public:
  AskableViews(Executor& executor, UpstreamPool& pool, Router& router, AskingSessions& sessions)
      : executor_(executor), pool_(pool), router_(router), sessions_(sessions) {}

  // The view of those with these AskableCapabilities(). Null: they can't be asked anything, or say
  // so at such length that nobody will say it again.
  std::shared_ptr<CatalogueView> Find(const std::string& capabilities);

  // A list of the server's that all share has become another.
  void Outdate(std::size_t server);
  // It is another server now, or none.
  void Forget(std::size_t server);

  // Gives up what is under way; no view is made any more.
  void Stop();

 private:
  PrivateView::Source SourceOf(const std::string& capabilities);

  Executor& executor_;
  UpstreamPool& pool_;
  Router& router_;
  AskingSessions& sessions_;
  std::mutex mutex_;
  struct Kept {
    std::shared_ptr<PrivateView> view;
    Deadline::Clock::time_point used_at;
  };
  std::map<std::string, Kept> views_;  // by capabilities; those go that were used least lately
  bool stopped_ = false;
};

}  // namespace mcpbridge

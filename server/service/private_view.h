#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "server/config/config.h"
#include "server/routing/catalogue.h"
#include "server/runtime/executor.h"
#include "server/service/catalogue_view.h"

namespace mcpbridge {

// What servers have, as they tell it in sessions of other capabilities or of another history than
// the one that all share. Where a list is what everybody sees, nothing of it is kept here.
class PrivateView final : public CatalogueView, public std::enable_shared_from_this<PrivateView> {
 public:
  struct Source {
    // The session to ask a server in; it is kept for one request. Any thread.
    std::function<Result<std::shared_ptr<Upstream>>(std::size_t server)> session;
    // Whether the server may tell anything else in there. Any thread.
    std::function<bool(std::size_t server)> may_differ;
  };

  PrivateView(Executor& executor, UpstreamPool& pool, Router& router, Source source);
  ~PrivateView();

  std::shared_ptr<const RouteTable> Current(const Lane& lane) override;
  void Refresh(std::size_t server, ListKind kind, Lane& lane, std::chrono::milliseconds max_age,
               Deadline deadline, std::function<void(std::optional<Error>)> done) override;

  // What the server was asked before may be outdated. Any thread.
  void Outdate(std::size_t server);
  // It is another server now, or none: nothing is known of it. Any thread.
  void Forget(std::size_t server);

  // Gives up what is under way, for good; `why`: for those who wait. Any thread.
  void Stop(const Error& why);

 private:
  class Lists;
  // Freed on its lane, behind whatever has been posted there for it.
  struct OnItsLane {
    void operator()(Lists* lists) const;
  };
  // A lane's table, and what it was made of. It keeps no server: the lane's own does.
  struct Made {
    std::uint64_t base = 0;  // RouteTable::number()
    std::uint64_t version = 0;
    std::shared_ptr<const RouteTable> table;  // null: it is the base
  };

  std::shared_ptr<Lists> ListsOf(std::size_t server);
  // Null: it has been stopped, or there isn't such a server any more.
  std::shared_ptr<Lists> MakeLists(std::size_t server);
  std::shared_ptr<const RouteTable> Merge(const RouteTable& base);

  Executor& executor_;
  UpstreamPool& pool_;
  Router& router_;
  const Source source_;
  // Counts what has become known; shared with the lists, which may outlive this.
  const std::shared_ptr<std::atomic<std::uint64_t>> version_;
  std::vector<Made> made_;  // by lane, of that lane
  std::mutex mutex_;
  bool stopped_ = false;  // nothing is asked any more
  // By server; null, or beyond the end: not asked yet.
  std::vector<std::shared_ptr<Lists>> lists_;
};

}  // namespace mcpbridge

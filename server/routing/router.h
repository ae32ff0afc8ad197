#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "server/routing/route_table.h"
#include "server/runtime/executor.h"

namespace mcpbridge {

// Hands every lane its own snapshot of the current RouteTable, so that a call reads it without a
// lock. Owned by App.
class Router {
 public:
  Router(const Config& config, Executor& executor);

  // The lane's snapshot; never null. On that lane.
  const std::shared_ptr<const RouteTable>& Current(const Lane& lane) const {
    return snapshots_[static_cast<std::size_t>(lane.index())];
  }

  // What is known of a server's lists has changed. Makes a new table and posts it to every lane.
  // Any thread.
  void Publish(std::size_t server, std::shared_ptr<const Catalogue> catalogue);

 private:
  const Config& config_;
  Executor& executor_;
  std::mutex mutex_;  // between publishers only
  std::vector<std::shared_ptr<const Catalogue>> catalogues_;
  std::vector<std::shared_ptr<const RouteTable>> snapshots_;  // by lane
};

}  // namespace mcpbridge

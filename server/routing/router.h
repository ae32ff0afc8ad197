#pragma once

#include <cstddef>
#include <cstdint>
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
  // Which server's lists a place takes: those of one that has been there before are dropped.
  using Number = std::uint64_t;

  Router(const Config& config, Executor& executor);

  // The lane's snapshot; never null. On that lane. A copy of it is counted on the lane alone.
  const std::shared_ptr<const RouteTable>& Current(const Lane& lane) const {
    return snapshots_[static_cast<std::size_t>(lane.index())];
  }

  // What is known of a server's lists has changed. Makes a new table and posts it to every lane.
  // Any thread.
  void Publish(std::size_t server, std::shared_ptr<const Catalogue> catalogue, Number number = 0);

  // Other servers from now on. `numbers`: by index; where one is another than before, nothing is
  // known of the server's lists. Before the lanes run.
  void Begin(std::shared_ptr<const Config> config, std::shared_ptr<const ServerSet> servers,
             std::vector<Number> numbers);
  // The same while they run: returns when every lane has it, so that nothing on a lane uses the one
  // before but what holds it. On main's thread.
  void Change(std::shared_ptr<const Config> config, std::shared_ptr<const ServerSet> servers,
              std::vector<Number> numbers);

  // Lets go of all tables. Once the lanes have stopped.
  void Clear();

 private:
  std::shared_ptr<const RouteTable> Use(std::shared_ptr<const Config> config,
                                        std::shared_ptr<const ServerSet> servers,
                                        std::vector<Number> numbers);

  Executor& executor_;
  std::mutex mutex_;  // between publishers only
  std::shared_ptr<const Config> config_;
  std::shared_ptr<const ServerSet> servers_;
  std::vector<Number> numbers_;
  std::vector<std::shared_ptr<const Catalogue>> catalogues_;
  std::vector<std::shared_ptr<const RouteTable>> snapshots_;  // by lane
};

}  // namespace mcpbridge

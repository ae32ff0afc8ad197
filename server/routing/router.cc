#include "server/routing/router.h"

namespace mcpbridge {

Router::Router(const Config& config, Executor& executor)
    : config_(config), executor_(executor), catalogues_(config.servers.size()) {
  const auto first = std::make_shared<const RouteTable>(config_, catalogues_);
  snapshots_.assign(static_cast<std::size_t>(executor.lane_count()), first);
}

void Router::Publish(std::size_t server, std::shared_ptr<const Catalogue> catalogue) {
  const std::lock_guard lock(mutex_);
  catalogues_[server] = std::move(catalogue);
  const auto table = std::make_shared<const RouteTable>(config_, catalogues_);
  for (int i = 0; i < executor_.lane_count(); ++i) {
    executor_.lane(i).Post([this, i, table] { snapshots_[static_cast<std::size_t>(i)] = table; });
  }
}

}  // namespace mcpbridge

#include "server/routing/router.h"

#include <condition_variable>
#include <utility>

namespace mcpbridge {
namespace {

// Another owner of the table, so that no two lanes count the calls that hold it in one place.
std::shared_ptr<const RouteTable> ForOneLane(const std::shared_ptr<const RouteTable>& table) {
  auto owner = std::make_shared<std::shared_ptr<const RouteTable>>(table);
  return {std::move(owner), table.get()};
}

}  // namespace

Router::Router(const Config& config, Executor& executor)
    : executor_(executor),
      config_(std::make_shared<const Config>(config)),
      numbers_(config.servers.size()),
      catalogues_(config.servers.size()) {
  const auto first = std::make_shared<const RouteTable>(config_, catalogues_);
  for (int i = 0; i < executor.lane_count(); ++i) snapshots_.push_back(ForOneLane(first));
}

void Router::Publish(std::size_t server, std::shared_ptr<const Catalogue> catalogue,
                     Number number) {
  const std::lock_guard lock(mutex_);
  if (numbers_[server] != number) return;
  catalogues_[server] = std::move(catalogue);
  const auto table = std::make_shared<const RouteTable>(config_, catalogues_, servers_);
  for (int i = 0; i < executor_.lane_count(); ++i) {
    executor_.lane(i).Post([this, i, table = ForOneLane(table)]() mutable {
      snapshots_[static_cast<std::size_t>(i)] = std::move(table);
    });
  }
}

// Under the lock.
std::shared_ptr<const RouteTable> Router::Use(std::shared_ptr<const Config> config,
                                              std::shared_ptr<const ServerSet> servers,
                                              std::vector<Number> numbers) {
  config_ = std::move(config);
  servers_ = std::move(servers);
  numbers_.resize(numbers.size());
  catalogues_.resize(numbers.size());
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (numbers_[i] != numbers[i]) catalogues_[i] = nullptr;
  }
  numbers_ = std::move(numbers);
  return std::make_shared<const RouteTable>(config_, catalogues_, servers_);
}

void Router::Begin(std::shared_ptr<const Config> config, std::shared_ptr<const ServerSet> servers,
                   std::vector<Number> numbers) {
  const std::lock_guard lock(mutex_);
  const auto table = Use(std::move(config), std::move(servers), std::move(numbers));
  for (auto& snapshot : snapshots_) snapshot = ForOneLane(table);
}

void Router::Change(std::shared_ptr<const Config> config, std::shared_ptr<const ServerSet> servers,
                    std::vector<Number> numbers) {
  std::mutex mutex;
  std::condition_variable taken;
  int left = executor_.lane_count();
  {
    const std::lock_guard lock(mutex_);
    const auto table = Use(std::move(config), std::move(servers), std::move(numbers));
    for (int i = 0; i < executor_.lane_count(); ++i) {
      executor_.lane(i).Post([&, i, table = ForOneLane(table)]() mutable {
        snapshots_[static_cast<std::size_t>(i)] = std::move(table);
        const std::lock_guard done(mutex);
        if (--left == 0) taken.notify_one();
      });
    }
  }
  std::unique_lock lock(mutex);
  taken.wait(lock, [&] { return left == 0; });
}

void Router::Clear() {
  const std::lock_guard lock(mutex_);
  servers_ = nullptr;
  const auto table = std::make_shared<const RouteTable>(config_, catalogues_);
  for (auto& snapshot : snapshots_) snapshot = table;
}

}  // namespace mcpbridge

#include "server/upstream/status.h"

#include "server/base/log.h"

namespace mcpbridge {

StatusBoard::StatusBoard(const std::vector<std::string>& servers) {
  for (const std::string& server : servers) servers_[server] = {};
}

void StatusBoard::Update(const std::string& server,
                         const std::function<void(UpstreamStatus&)>& change, std::uint64_t number) {
  Watcher watcher;
  UpstreamStatus after;
  {
    const std::lock_guard lock(mutex_);
    const auto found = servers_.find(server);
    const std::uint64_t own = found == servers_.end() ? 0 : found->second.number;
    if (own != number) return;  // of a server that has been taken out
    UpstreamStatus& status = servers_[server].status;
    const UpstreamHealth before = status.health;
    change(status);
    if (status.health == before) return;
    after = status;
    watcher = watcher_;
  }
  const bool serving = after.health == UpstreamHealth::kServing;
  if (serving) {
    spdlog::info("upstream {}: serving", server);
  } else {
    spdlog::warn("upstream {}: not serving: {}", server, after.last_error);
  }
  if (watcher) watcher(server, serving);
}

void StatusBoard::Change(const std::map<std::string, std::uint64_t>& servers) {
  Watcher watcher;
  bool serving = false;
  {
    const std::lock_guard lock(mutex_);
    std::map<std::string, Entry> now;
    for (const auto& [name, number] : servers) {
      const auto known = servers_.find(name);
      const bool is_same = known != servers_.end() && known->second.number == number;
      now[name] = is_same ? std::move(known->second) : Entry{.status = {}, .number = number};
    }
    servers_ = std::move(now);
    serving = serving_;
    watcher = watcher_;
  }
  if (watcher) watcher("", serving);
}

void StatusBoard::SetServing(bool serving) {
  Watcher watcher;
  {
    const std::lock_guard lock(mutex_);
    if (serving_ == serving) return;
    serving_ = serving;
    watcher = watcher_;
  }
  if (watcher) watcher("", serving);
}

bool StatusBoard::serving() const {
  const std::lock_guard lock(mutex_);
  return serving_;
}

UpstreamStatus StatusBoard::Of(const std::string& server) const {
  const std::lock_guard lock(mutex_);
  const auto at = servers_.find(server);
  return at == servers_.end() ? UpstreamStatus() : at->second.status;
}

std::map<std::string, UpstreamStatus> StatusBoard::Snapshot() const {
  std::map<std::string, UpstreamStatus> snapshot;
  const std::lock_guard lock(mutex_);
  for (const auto& [name, entry] : servers_) snapshot.emplace(name, entry.status);
  return snapshot;
}

void StatusBoard::SetWatcher(Watcher watcher) {
  const std::lock_guard lock(mutex_);
  watcher_ = std::move(watcher);
}

}  // namespace mcpbridge

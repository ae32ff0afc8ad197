#include "server/upstream/status.h"

#include "server/base/log.h"

namespace mcpbridge {

StatusBoard::StatusBoard(const std::vector<std::string>& servers) {
  for (const std::string& server : servers) servers_[server] = {};
}

void StatusBoard::Update(const std::string& server,
                         const std::function<void(UpstreamStatus&)>& change) {
  Watcher watcher;
  UpstreamStatus after;
  {
    const std::lock_guard lock(mutex_);
    UpstreamStatus& status = servers_[server];
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
  return at == servers_.end() ? UpstreamStatus() : at->second;
}

std::map<std::string, UpstreamStatus> StatusBoard::Snapshot() const {
  const std::lock_guard lock(mutex_);
  return servers_;
}

void StatusBoard::SetWatcher(Watcher watcher) {
  const std::lock_guard lock(mutex_);
  watcher_ = std::move(watcher);
}

}  // namespace mcpbridge

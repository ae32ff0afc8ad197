#include "server/service/asking_sessions.h"

#include <algorithm>
#include <utility>

#include "server/mcp/input_required.h"

namespace mcpbridge {
namespace {

// Sets of capabilities in use at one server at a time. There are about ten in the field; more are
// somebody's who makes them up.
constexpr std::size_t kMostSets = 16;

}  // namespace

AskingSessions::AskingSessions(UpstreamPool& pool, std::chrono::milliseconds session_idle)
    : pool_(pool), session_idle_(session_idle) {}

std::shared_ptr<Upstream> AskingSessions::SessionFor(const std::shared_ptr<Server>& server,
                                                     const std::string& capabilities) {
  if (server->config().isolation == Isolation::kShared) return nullptr;
  const auto make = [&]() -> std::shared_ptr<Upstream> {
    auto made =
        pool_.NewSession(server, AskableProfile(capabilities), " (for callers that can be asked)",
                         UpstreamPool::Whose::kManyClients);
    return made ? *std::move(made) : nullptr;
  };
  Sessions gone;
  const std::lock_guard lock(mutex_);
  if (closed_) return nullptr;
  if (server->retired()) return make();  // for a call that has begun before
  const auto now = Deadline::Clock::now();
  std::vector<Kept>& kept = kept_[server->index()];
  for (Kept& one : kept) {
    if (one.capabilities != capabilities) continue;
    one.used_at = now;
    return one.session;
  }
  TakeIdle(kept, now, gone);
  if (kept.size() >= kMostSets) {
    const auto oldest =
        std::min_element(kept.begin(), kept.end(),
                         [](const Kept& a, const Kept& b) { return a.used_at < b.used_at; });
    if (oldest->session.use_count() > 1) return nullptr;
    gone.push_back(std::move(oldest->session));
    kept.erase(oldest);
  }
  auto made = make();
  if (made == nullptr) return nullptr;
  kept.push_back({.capabilities = capabilities, .session = std::move(made), .used_at = now});
  return kept.back().session;
}

void AskingSessions::TakeIdle(std::vector<Kept>& kept, Deadline::Clock::time_point now,
                              Sessions& gone) const {
  std::erase_if(kept, [&](Kept& one) {
    if (one.session.use_count() > 1 || now - one.used_at < session_idle_) {
      return false;
    }
    gone.push_back(std::move(one.session));
    return true;
  });
}

void AskingSessions::Sweep() {
  Sessions gone;
  const std::lock_guard lock(mutex_);
  const auto now = Deadline::Clock::now();
  for (auto& [server, kept] : kept_) TakeIdle(kept, now, gone);
}

void AskingSessions::SetIdle(std::chrono::milliseconds session_idle) {
  const std::lock_guard lock(mutex_);
  session_idle_ = session_idle;
}

void AskingSessions::Forget(std::size_t server) {
  std::vector<Kept> gone;  // let go of outside of the lock
  const std::lock_guard lock(mutex_);
  gone.swap(kept_[server]);
}

void AskingSessions::Close() {
  std::map<std::size_t, std::vector<Kept>> all;
  const std::lock_guard lock(mutex_);
  closed_ = true;
  all.swap(kept_);
}

}  // namespace mcpbridge

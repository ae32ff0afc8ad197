#include "server/service/askable_views.h"

#include <algorithm>

namespace mcpbridge {
namespace {

// There are about ten sets of capabilities in the field; more are somebody's who makes them up.
constexpr std::size_t kMostViews = 16;
// Several times what any client says.
constexpr std::size_t kMostCapabilities = 4096;

const Error& Stopping() {
  static const Error kStopping{.reason = Reason::kShuttingDown,
                               .message = "the bridge is stopping"};
  return kStopping;
}

}  // namespace

std::shared_ptr<CatalogueView> AskableViews::Find(const std::string& capabilities) {
  if (capabilities.empty() || capabilities.size() > kMostCapabilities) return nullptr;
  const auto now = Deadline::Clock::now();
  std::shared_ptr<PrivateView> gone;  // outside of the lock
  const std::lock_guard lock(mutex_);
  const auto found = views_.find(capabilities);
  if (found != views_.end()) {
    found->second.used_at = now;
    return found->second.view;
  }
  if (stopped_) return nullptr;
  if (views_.size() >= kMostViews) {
    const auto oldest = std::min_element(
        views_.begin(), views_.end(),
        [](const auto& a, const auto& b) { return a.second.used_at < b.second.used_at; });
    gone = std::move(oldest->second.view);
    views_.erase(oldest);
    gone->Stop(Stopping());  // who waits for it sees what all see
  }
  auto view = std::make_shared<PrivateView>(executor_, pool_, router_, SourceOf(capabilities));
  views_.emplace(capabilities, Kept{.view = view, .used_at = now});
  return view;
}

PrivateView::Source AskableViews::SourceOf(const std::string& capabilities) {
  return {.session = [this, capabilities](std::size_t server) -> Result<std::shared_ptr<Upstream>> {
            const std::shared_ptr<Server>& at = pool_.At(server);
            auto session = at != nullptr ? sessions_.SessionFor(at, capabilities) : nullptr;
            if (session != nullptr) return session;
            return Error{.reason = Reason::kOverloaded,
                         .message = "there can't be another session for callers that can be asked"};
          },
          .may_differ =
              [this](std::size_t server) {
                const std::shared_ptr<Server>& at = pool_.At(server);
                return at != nullptr && at->config().isolation != Isolation::kShared &&
                       pool_.IsLegacyOnly(server);
              }};
}

void AskableViews::Outdate(std::size_t server) {
  const std::lock_guard lock(mutex_);
  for (const auto& [capabilities, kept] : views_) kept.view->Outdate(server);
}

void AskableViews::Forget(std::size_t server) {
  const std::lock_guard lock(mutex_);
  for (const auto& [capabilities, kept] : views_) kept.view->Forget(server);
}

void AskableViews::Stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  for (const auto& [capabilities, kept] : views_) kept.view->Stop(Stopping());
}

}  // namespace mcpbridge

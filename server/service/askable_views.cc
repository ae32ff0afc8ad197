#include "server/service/askable_views.h"

namespace mcpbridge {
namespace {

// There are about ten sets of capabilities in the field; more are somebody's who makes them up.
constexpr std::size_t kMostViews = 16;

}  // namespace

std::shared_ptr<CatalogueView> AskableViews::Find(const std::string& capabilities) {
  if (capabilities.empty()) return nullptr;
  const std::lock_guard lock(mutex_);
  const auto found = views_.find(capabilities);
  if (found != views_.end()) return found->second;
  if (stopped_ || views_.size() >= kMostViews) return nullptr;
  auto view =
      std::make_shared<PrivateView>(config_, executor_, pool_, router_, SourceOf(capabilities));
  return views_.emplace(capabilities, std::move(view)).first->second;
}

PrivateView::Source AskableViews::SourceOf(const std::string& capabilities) {
  return {.session = [this, capabilities](std::size_t server) -> Result<std::shared_ptr<Upstream>> {
            if (auto session = sessions_.SessionFor(server, capabilities)) return session;
            return Error{.reason = Reason::kOverloaded,
                         .message = "there can't be another session for callers that can be asked"};
          },
          .may_differ =
              [this](std::size_t server) {
                return config_.servers[server].isolation != Isolation::kShared &&
                       pool_.IsLegacyOnly(server);
              }};
}

void AskableViews::Outdate(std::size_t server) {
  const std::lock_guard lock(mutex_);
  for (const auto& [capabilities, view] : views_) view->Outdate(server);
}

void AskableViews::Stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  const Error why{.reason = Reason::kShuttingDown, .message = "the bridge is stopping"};
  for (const auto& [capabilities, view] : views_) view->Stop(why);
}

}  // namespace mcpbridge

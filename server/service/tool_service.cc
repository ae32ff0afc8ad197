#include "server/service/tool_service.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <algorithm>
#include <cctype>
#include <utility>

namespace mcpbridge {
namespace {

std::array<unsigned char, 32> Digest(std::string_view text) {
  std::array<unsigned char, 32> digest;
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  return digest;
}

// What follows "Bearer "; nullopt: another scheme, or none.
std::optional<std::string_view> BearerToken(std::string_view header) {
  static constexpr std::string_view kScheme = "bearer ";
  if (header.size() < kScheme.size()) return std::nullopt;
  for (std::size_t i = 0; i < kScheme.size(); ++i) {
    if (std::tolower(static_cast<unsigned char>(header[i])) != kScheme[i]) return std::nullopt;
  }
  return header.substr(kScheme.size());
}

}  // namespace

ToolService::ToolService(const Config& config, Executor& executor, UpstreamPool& pool,
                         Router& router, StatusBoard& status, Observer& observer)
    : config_(config),
      tracer_(config.bridge.traces ? std::make_unique<Tracer>(*config.bridge.traces) : nullptr),
      executor_(executor),
      pool_(pool),
      router_(router),
      status_(status),
      observer_(observer),
      lister_(config),
      asking_sessions_(config, pool),
      shared_view_(std::make_shared<SharedView>(pool, router)),
      askable_views_(config, executor, pool, router, asking_sessions_),
      parked_(static_cast<std::size_t>(config.bridge.limits.parked_calls)),
      gate_(static_cast<std::uint64_t>(config.bridge.limits.in_flight_calls)),
      subscription_gate_(static_cast<std::uint64_t>(config.bridge.limits.upstream_connections / 2)),
      key_digest_(Digest(config.master_key)) {
  for (const ServerConfig& server : config.servers) {
    slots_.push_back(observer.SlotOf(server.name));
    for (const std::string& name : server.extra_headers) {
      if (std::find(forwardable_.begin(), forwardable_.end(), name) == forwardable_.end()) {
        forwardable_.push_back(name);
      }
    }
  }
}

void ToolService::CloseParked() {
  parked_.CancelAll();
  askable_views_.Stop();
  asking_sessions_.Close();
}

std::optional<Error> ToolService::Enter() {
  switch (gate_.Enter()) {
    case Gate::Entry::kEntered:
      return std::nullopt;
    case Gate::Entry::kFull:
      return Error{.reason = Reason::kOverloaded,
                   .message = "the bridge has " +
                              std::to_string(config_.bridge.limits.in_flight_calls) +
                              " calls under way, which is its limit",
                   .metadata = {{"limit", "bridge.limits.in_flight_calls"}},
                   .retry_after = std::chrono::seconds(1)};
    case Gate::Entry::kClosed:
      return Error{.reason = Reason::kShuttingDown,
                   .message = "the bridge is shutting down and takes no new calls",
                   .retry_after = std::chrono::seconds(1)};
  }
  std::abort();
}

std::optional<Error> ToolService::EnterSubscription() {
  switch (subscription_gate_.Enter()) {
    case Gate::Entry::kEntered:
      return std::nullopt;
    case Gate::Entry::kFull:
      return Error{.reason = Reason::kOverloaded,
                   .message = "as many subscriptions are open as may",
                   .metadata = {{"limit", "half of bridge.limits.upstream_connections"}},
                   .retry_after = std::chrono::seconds(1)};
    case Gate::Entry::kClosed:
      return Subscriptions::Stopping();
  }
  std::abort();
}

bool ToolService::EndSubscriptions(Deadline deadline) {
  subscription_gate_.Close();
  listeners_.StopAll();
  return subscription_gate_.WaitUntilEmpty(deadline);
}

std::shared_ptr<CatalogueView> ToolService::ViewFor(const std::string& capabilities) {
  auto view = askable_views_.Find(capabilities);
  return view != nullptr ? view : shared_view_;
}

std::shared_ptr<PrivateView> ToolService::MakeView(PrivateView::Source source) {
  return std::make_shared<PrivateView>(config_, executor_, pool_, router_, std::move(source));
}

bool ToolService::Authorized(const CallerHeaders& headers) const {
  if (config_.master_key.empty()) return true;
  std::string_view key;
  if (const auto own = headers.Get("x-litellm-api-key")) {
    key = BearerToken(*own).value_or(*own);
  } else if (const auto authorization = headers.Get("authorization")) {
    key = BearerToken(*authorization).value_or(std::string_view());
  }
  const auto digest = Digest(key);
  return CRYPTO_memcmp(digest.data(), key_digest_.data(), digest.size()) == 0;
}

Result<Scope> ToolService::ScopeOf(std::string_view path, const CallerHeaders& headers) const {
  return FindScope(config_, {.path = path,
                             .servers = headers.Get("x-mcp-servers"),
                             .groups = headers.Get("x-mcp-access-groups")});
}

Lane& ToolService::PickLane(std::string_view server, std::string_view name) {
  // Names alone, from the configuration: what only a catalogue knows is found out on the lane.
  const std::string_view prefix = name.substr(0, name.find(kNameSeparator));
  const std::optional<std::size_t> wanted =
      config_.servers.size() == 1 ? 0 : IndexOf(config_, server.empty() ? prefix : server);
  Lane* const home = wanted ? pool_.upstream(*wanted).home() : nullptr;
  if (home != nullptr) return *home;
  const unsigned turn = next_lane_.fetch_add(1, std::memory_order_relaxed);
  return executor_.lane(static_cast<int>(turn % static_cast<unsigned>(executor_.lane_count())));
}

Headers ToolService::Forwardable(const CallerHeaders& headers) const {
  // Our own key goes no further: where `authorization` carried it, it isn't the server's.
  const bool key_in_authorization =
      !config_.master_key.empty() && !headers.Get("x-litellm-api-key").has_value();
  Headers found;
  for (const std::string& name : forwardable_) {
    if (name == "x-litellm-api-key" || (key_in_authorization && name == "authorization")) continue;
    if (const auto value = headers.Get(name)) found.emplace_back(name, *value);
  }
  return found;
}

}  // namespace mcpbridge

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

std::uint64_t NextNumber() {
  static std::atomic<std::uint64_t> last{0};
  return last.fetch_add(1) + 1;
}

bool OnLane() {
  const Lane* const lane = Lane::Current();
  return lane != nullptr && lane->index() >= 0;
}

}  // namespace

ToolService::Settings::Settings(std::shared_ptr<const Config> of, UpstreamPool& pool,
                                Observer& observer)
    : config(std::move(of)), key_digest(Digest(config->master_key)) {
  for (std::size_t i = 0; i < config->servers.size(); ++i) {
    const ServerConfig& server = config->servers[i];
    slots.push_back(observer.SlotOf(server.name));
    homes.push_back(server.absent ? nullptr : pool.upstream(i).home());
    for (const std::string& name : server.extra_headers) {
      if (std::find(forwardable.begin(), forwardable.end(), name) == forwardable.end()) {
        forwardable.push_back(name);
      }
    }
  }
}

ToolService::ToolService(const Config& config, Executor& executor, UpstreamPool& pool,
                         Router& router, StatusBoard& status, Observer& observer)
    : tracer_(config.bridge.traces ? std::make_unique<Tracer>(*config.bridge.traces) : nullptr),
      executor_(executor),
      pool_(pool),
      router_(router),
      status_(status),
      observer_(observer),
      asking_sessions_(pool, config.bridge.session_idle),
      shared_view_(std::make_shared<SharedView>(pool, router)),
      askable_views_(executor, pool, router, asking_sessions_),
      parked_(static_cast<std::size_t>(config.bridge.limits.parked_calls)),
      gate_(static_cast<std::uint64_t>(config.bridge.limits.in_flight_calls)),
      subscription_gate_(static_cast<std::uint64_t>(config.bridge.limits.upstream_connections / 2)),
      number_(NextNumber()),
      settings_(std::make_shared<const Settings>(std::make_shared<const Config>(config), pool,
                                                 observer)) {}

// A thread that handles nothing any more keeps what it saw last: some memory, nothing that runs.
const ToolService::Settings& ToolService::OfThread(bool look) const {
  struct Seen {
    std::uint64_t service = 0;
    std::uint64_t version = 0;
    std::shared_ptr<const Settings> settings;
  };
  static thread_local Seen seen;
  const bool is_ours = seen.service == number_;
  if (is_ours && (!look || seen.version == version_.load(std::memory_order_acquire))) {
    return *seen.settings;
  }
  const std::lock_guard lock(settings_mutex_);
  seen = {.service = number_, .version = version_.load(), .settings = settings_};
  return *seen.settings;
}

const Config& ToolService::config() const {
  return OnLane() ? router_.Current(*Lane::Current())->config() : *OfThread(false).config;
}

// A lane may have servers that the settings don't have yet.
std::size_t ToolService::SlotOf(std::size_t server) const {
  const std::vector<std::size_t>& slots = ForRequest().slots;
  return server < slots.size() ? slots[server] : observer_.SlotOf(config().servers[server].name);
}

// On a lane nobody holds on to the settings themselves.
const ToolService::Settings& ToolService::ForRequest() const { return OfThread(OnLane()); }

void ToolService::OnConfigChanged(std::shared_ptr<const Config> config,
                                  const std::vector<std::size_t>& retired,
                                  const std::vector<std::size_t>& concerned) {
  const BridgeConfig& bridge = config->bridge;
  gate_.SetLimit(static_cast<std::uint64_t>(bridge.limits.in_flight_calls));
  parked_.SetLimit(static_cast<std::size_t>(bridge.limits.parked_calls));
  asking_sessions_.SetIdle(bridge.session_idle);
  auto settings = std::make_shared<const Settings>(std::move(config), pool_, observer_);
  {
    const std::lock_guard lock(settings_mutex_);
    settings_ = std::move(settings);
    version_.fetch_add(1);
  }
  OfThread(/*look=*/true);
  for (const std::size_t server : retired) {
    asking_sessions_.Forget(server);
    askable_views_.Forget(server);
  }
  for (const std::size_t server : concerned) askable_views_.Outdate(server);
  listeners_.OnServersChanged(retired);
  for (const std::size_t server : concerned) {
    for (const ListKind kind : {ListKind::kTools, ListKind::kResources, ListKind::kPrompts}) {
      listeners_.OnListChanged(server, kind);
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
                              std::to_string(config().bridge.limits.in_flight_calls) +
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
  return std::make_shared<PrivateView>(executor_, pool_, router_, std::move(source));
}

bool ToolService::Authorized(const CallerHeaders& headers) const {
  const Settings& settings = OfThread(/*look=*/true);
  if (settings.config->master_key.empty()) return true;
  std::string_view key;
  if (const auto own = headers.Get("x-litellm-api-key")) {
    key = BearerToken(*own).value_or(*own);
  } else if (const auto authorization = headers.Get("authorization")) {
    key = BearerToken(*authorization).value_or(std::string_view());
  }
  const auto digest = Digest(key);
  return CRYPTO_memcmp(digest.data(), settings.key_digest.data(), digest.size()) == 0;
}

Result<Scope> ToolService::ScopeOf(std::string_view path, const CallerHeaders& headers) const {
  return FindScope(config(), {.path = path,
                              .servers = headers.Get("x-mcp-servers"),
                              .groups = headers.Get("x-mcp-access-groups")});
}

Lane& ToolService::PickLane(std::string_view server, std::string_view name) {
  // Names alone, from the configuration: what only a catalogue knows is found out on the lane.
  const Settings& settings = ForRequest();
  const Config& config = *settings.config;
  const std::string_view prefix = name.substr(0, name.find(kNameSeparator));
  const std::optional<std::size_t> only = Scope().Only(config);
  const std::optional<std::size_t> wanted =
      only ? only : IndexOf(config, server.empty() ? prefix : server);
  Lane* const home = wanted ? settings.homes[*wanted] : nullptr;
  if (home != nullptr) return *home;
  const unsigned turn = next_lane_.fetch_add(1, std::memory_order_relaxed);
  return executor_.lane(static_cast<int>(turn % static_cast<unsigned>(executor_.lane_count())));
}

Headers ToolService::Forwardable(const CallerHeaders& headers) const {
  const Settings& settings = ForRequest();
  // Our own key goes no further: where `authorization` carried it, it isn't the server's.
  const bool key_in_authorization =
      !settings.config->master_key.empty() && !headers.Get("x-litellm-api-key").has_value();
  Headers found;
  for (const std::string& name : settings.forwardable) {
    if (name == "x-litellm-api-key" || (key_in_authorization && name == "authorization")) continue;
    if (const auto value = headers.Get(name)) found.emplace_back(name, *value);
  }
  return found;
}

}  // namespace mcpbridge

#include "server/upstream/upstream_pool.h"

#include <utility>

#include "server/base/log.h"
#include "server/mcp/modern.h"
#include "server/mcp/modern_meta.h"
#include "server/upstream/grpc_upstream.h"
#include "server/upstream/http_upstream.h"
#include "server/upstream/kept_subscriptions.h"
#include "server/upstream/legacy_view.h"
#include "server/upstream/sse_upstream.h"
#include "server/upstream/stdio_upstream.h"

namespace mcpbridge {

UpstreamPool::UpstreamPool(const Config& config, Executor& executor, Router& router,
                           StatusBoard& status)
    : config_(config), executor_(executor), sessions_of_(config.servers.size()) {
  const HttpPool::Limits limits{
      .connections = static_cast<std::size_t>(config.bridge.limits.upstream_connections),
      .response_bytes = config.bridge.limits.response_bytes};
  for (std::size_t i = 0; i < config.servers.size(); ++i) {
    const ServerConfig& server = config.servers[i];
    const bool is_http =
        server.transport == TransportKind::kHttp || server.transport == TransportKind::kSse;
    http_servers_.push_back(
        is_http ? std::make_unique<HttpServer>(server.url, executor, trust_, limits) : nullptr);
    processes_.push_back(std::make_shared<std::atomic<int>>(0));
    Lane& home = executor.lane(static_cast<int>(i) % executor.lane_count());
    MakeShared(i, home, status);
    loaders_.push_back(
        std::make_unique<CatalogueLoader>(i, *upstreams_.back(), home, router, status,
                                          [this, i](ListKind kind) { list_changed_(i, kind); }));
    watchers_.push_back(modern_[i] == nullptr
                            ? nullptr
                            : std::make_unique<ListWatcher>(
                                  *modern_[i], home, [this, i] { loaders_[i]->Invalidate(); }));
  }
}

// The sessions that all share, by what the configuration leaves open.
void UpstreamPool::MakeShared(std::size_t server, Lane& home, StatusBoard& status) {
  const ServerConfig& config = config_.servers[server];
  const bool is_sse = config.transport == TransportKind::kSse;
  const bool is_grpc = config.transport == TransportKind::kGrpc;
  const Protocol protocol = is_sse    ? Protocol::kLegacy
                            : is_grpc ? Protocol::kModern
                                      : config.protocol;
  const bool only_modern = protocol == Protocol::kModern;
  eras_.push_back(std::make_unique<ServerEra>(only_modern                     ? Era::kModern
                                              : protocol == Protocol::kLegacy ? Era::kLegacy
                                                                              : Era::kUnknown));
  ServerEra& era = *eras_.back();
  UpstreamUse use{.initialize_params = BridgeParams(),
                  .modern = true,
                  .era = &era,
                  .label = " (" + std::string(kModernVersion) + ")",
                  .status = &status,
                  .only_on_demand = true,
                  .lists_changed = [this, server] {
                    loaders_[server]->Invalidate();
                    // Where it speaks the other era too, that one's session hears of its lists.
                    if (IsModernOnly(server)) watchers_[server]->Begin();
                  }};
  modern_.push_back(protocol == Protocol::kLegacy ? nullptr : Make(server, home, use));
  Upstream* const modern = modern_.back().get();
  if (only_modern) {
    upstreams_.push_back(std::make_unique<LegacyView>(*modern));
    return;
  }
  use.initialize_params = InitializeParams();
  use.modern = false;
  use.lists_changed = [this, server] { loaders_[server]->Invalidate(); };
  use.label.clear();
  use.only_on_demand = false;
  auto legacy = Make(server, home, std::move(use));
  if (modern == nullptr) {
    upstreams_.push_back(std::move(legacy));
    return;
  }
  era.SetWake([wake = legacy.get()] { wake->Wake(); }, [modern] { modern->Wake(); });
  upstreams_.push_back(
      std::make_unique<EitherEra>(era, std::move(legacy), std::make_unique<LegacyView>(*modern)));
}

std::unique_ptr<Upstream> UpstreamPool::Make(std::size_t server, Lane& home, UpstreamUse use) {
  const ServerConfig& config = config_.servers[server];
  const std::size_t response_bytes = config_.bridge.limits.response_bytes;
  use.processes = processes_[server];
  switch (config.transport) {
    case TransportKind::kHttp:
      break;
    case TransportKind::kSse:
      return std::make_unique<SseUpstream>(config, *http_servers_[server], home,
                                           SseUpstream::Limits{.response_bytes = response_bytes},
                                           std::move(use));
    case TransportKind::kStdio:
      return std::make_unique<StdioUpstream>(
          config, home, StdioUpstream::Limits{.response_bytes = response_bytes}, std::move(use));
    case TransportKind::kGrpc:
      return std::make_unique<GrpcUpstream>(config, executor_.ClientQueue(), home,
                                            GrpcUpstream::Limits{.response_bytes = response_bytes},
                                            std::move(use));
  }
  return std::make_unique<HttpUpstream>(config, *http_servers_[server], executor_, home,
                                        std::move(use));
}

Result<std::shared_ptr<Upstream>> UpstreamPool::NewSession(std::size_t server,
                                                           const ClientProfile& client,
                                                           const std::string& label, Whose whose,
                                                           Unsolicited unsolicited) {
  return MakeSession(server, &client,
                     UpstreamUse{.label = label,
                                 .one_client = whose == Whose::kOneClient,
                                 .unsolicited = std::move(unsolicited)},
                     /*is_for_call=*/false);
}

Result<std::shared_ptr<Upstream>> UpstreamPool::NewCallSession(std::size_t server,
                                                               const ClientProfile* client) {
  return MakeSession(server, client, UpstreamUse{.label = " (one call)", .one_client = true},
                     /*is_for_call=*/true);
}

Result<std::shared_ptr<Upstream>> UpstreamPool::MakeSession(std::size_t server,
                                                            const ClientProfile* client,
                                                            UpstreamUse use, bool is_for_call) {
  Upstream* const modern = modern_[server].get();
  const ServerEra& era = *eras_[server];
  const bool is_told = static_cast<bool>(use.unsolicited.announce);
  const unsigned turn = next_home_.fetch_add(1, std::memory_order_relaxed);
  Lane* const home =
      &executor_.lane(static_cast<int>(turn % static_cast<unsigned>(executor_.lane_count())));
  const auto view = [&] {
    if (client == nullptr) return std::make_unique<LegacyView>(*modern);
    return is_told ? std::make_unique<LegacyView>(*modern, *client, *home, use.unsolicited)
                   : std::make_unique<LegacyView>(*modern, *client);
  };
  const bool is_view = era.get() == Era::kModern;
  if (is_view && !is_told) return std::shared_ptr<Upstream>(view());
  const Counted counted{.server = server,
                        .is_process = !is_view && http_servers_[server] == nullptr,
                        .is_for_call = is_for_call};
  if (auto refused = CountIn(server, counted)) return *std::move(refused);
  if (is_view) return Own(view(), *home, counted);
  use.initialize_params = client != nullptr ? InitializeParams(*client) : InitializeParams();
  use.only_on_demand = true;
  use.lists_changed = [] {};
  std::shared_ptr<KeptSubscriptions> kept;
  if (is_told) {
    kept = std::make_shared<KeptSubscriptions>(era, *home, use.unsolicited.announce);
    use.holds_open = [kept] { return kept->HoldOpen(); };
    use.opened = [kept] { kept->OnOpened(); };
  }
  auto session = Make(server, *home, use);
  if (modern != nullptr) session = std::make_unique<EitherEra>(era, std::move(session), view());
  if (kept != nullptr) {
    session = std::make_unique<SubscribingSession>(std::move(session), std::move(kept));
  }
  session->Start();
  return Own(std::move(session), *home, counted);
}

std::shared_ptr<Upstream> UpstreamPool::Own(std::unique_ptr<Upstream> session, Lane& home,
                                            Counted counted) {
  return std::shared_ptr<Upstream>(
      session.release(), [this, &home, counted](Upstream* gone) { SeeOff(gone, home, counted); });
}

std::optional<Error> UpstreamPool::CountIn(std::size_t server, Counted counted) {
  const BridgeConfig::Limits& limits = config_.bridge.limits;
  const auto full = [&](const char* message, const char* limit) {
    return Error{.reason = Reason::kOverloaded,
                 .message = message,
                 .metadata = {{"limit", limit}, {"server", config_.servers[server].name}},
                 .retry_after = std::chrono::seconds(1)};
  };
  const std::lock_guard lock(mutex_);
  if (counted.is_process && client_processes_ >= limits.client_processes) {
    return full("as many processes run for clients as may", "bridge.limits.client_processes");
  }
  if (counted.is_for_call && call_sessions_ >= limits.in_flight_calls) {
    return full("as many sessions for single calls are there, or are being closed, as may",
                "bridge.limits.in_flight_calls");
  }
  ++client_sessions_;
  ++sessions_of_[server];
  client_processes_ += counted.is_process;
  call_sessions_ += counted.is_for_call;
  return std::nullopt;
}

void UpstreamPool::CountOut(Counted counted) {
  const std::lock_guard lock(mutex_);
  --client_sessions_;
  --sessions_of_[counted.server];
  client_processes_ -= counted.is_process;
  call_sessions_ -= counted.is_for_call;
  changed_.notify_all();
}

// Nobody holds it: it is stopped, and freed behind whatever it has posted to its lane meanwhile.
void UpstreamPool::SeeOff(Upstream* session, Lane& home, Counted counted) {
  const char* const why = counted.is_for_call ? "the call is over" : "the client's session is over";
  session->Stop(why, [this, session, &home, counted] {
    home.Post([this, session, counted] {
      delete session;
      CountOut(counted);
    });
  });
}

// The lanes have stopped by now. Loaders hold exchanges, so they go first.
UpstreamPool::~UpstreamPool() {
  loaders_.clear();
  watchers_.clear();
}

void UpstreamPool::Start() {
  for (auto& upstream : upstreams_) upstream->Start();
  for (auto& upstream : modern_) {
    if (upstream != nullptr) upstream->Start();
  }
}

void UpstreamPool::Stop(const std::string& why) {
  for (auto& loader : loaders_) loader->Stop();
  for (auto& watcher : watchers_) {
    if (watcher != nullptr) watcher->Stop();
  }
  {
    // Clients' sessions may go by way of those that all share.
    std::unique_lock clients(mutex_);
    changed_.wait(clients, [&] { return client_sessions_ == 0; });
  }
  std::vector<Upstream*> all;
  for (auto& upstream : upstreams_) all.push_back(upstream.get());
  for (auto& upstream : modern_) {
    if (upstream != nullptr) all.push_back(upstream.get());
  }
  std::size_t left = all.size();
  const auto one_done = [&] {
    const std::lock_guard done_lock(mutex_);
    --left;
    changed_.notify_all();
  };
  for (Upstream* const upstream : all) upstream->Stop(why, one_done);
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return left == 0; });
  lock.unlock();
  std::vector<HttpServer*> servers;
  for (auto& server : http_servers_) {
    if (server != nullptr) servers.push_back(server.get());
  }
  left = servers.size();
  for (HttpServer* const server : servers) server->CloseIdle(one_done);
  lock.lock();
  changed_.wait(lock, [&] { return left == 0; });
}

void UpstreamPool::AddConnections(const Lane& lane, std::vector<Usage>& usage) const {
  for (std::size_t i = 0; i < http_servers_.size(); ++i) {
    if (http_servers_[i] != nullptr) usage[i].connections += http_servers_[i]->pool(lane).size();
  }
}

void UpstreamPool::AddSessions(std::vector<Usage>& usage) const {
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < usage.size(); ++i) {
    usage[i].sessions += sessions_of_[i];
    usage[i].processes += static_cast<std::size_t>(processes_[i]->load(std::memory_order_relaxed));
  }
}

void UpstreamPool::RefreshCatalogue(std::size_t server, ListKind kind, Lane& lane,
                                    std::chrono::milliseconds max_age, Deadline deadline,
                                    std::function<void(std::optional<Error>)> done) {
  loaders_[server]->Refresh(kind, lane, max_age, deadline, std::move(done));
}

}  // namespace mcpbridge

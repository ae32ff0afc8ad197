#include "server/upstream/upstream_pool.h"

#include <utility>

#include "server/base/log.h"
#include "server/base/version.h"
#include "server/mcp/modern.h"
#include "server/mcp/modern_meta.h"
#include "server/upstream/http_upstream.h"
#include "server/upstream/sse_upstream.h"
#include "server/upstream/stdio_upstream.h"

namespace mcpbridge {

namespace {

// What the bridge says of itself: it can be asked nothing.
std::string DiscoverParams() {
  return WithRequestMeta("{}", {.protocol_version = kModernVersion,
                                .client_info = ServerInfo("mcp-bridge", kVersion),
                                .client_capabilities = "{}"})
      .value();
}

}  // namespace

UpstreamPool::UpstreamPool(const Config& config, Executor& executor, Router& router,
                           StatusBoard& status)
    : config_(config), executor_(executor) {
  // Certificates are verified against the system's store; SSL_CERT_FILE names another.
  tls_.set_default_verify_paths();
  tls_.set_verify_mode(boost::asio::ssl::verify_peer);
  const HttpPool::Limits limits{
      .connections = static_cast<std::size_t>(config.bridge.limits.upstream_connections),
      .response_bytes = config.bridge.limits.response_bytes};
  for (std::size_t i = 0; i < config.servers.size(); ++i) {
    const ServerConfig& server = config.servers[i];
    const bool is_http = server.transport == TransportKind::kHttp;
    http_servers_.push_back(server.transport != TransportKind::kStdio
                                ? std::make_unique<HttpServer>(server.url, executor, tls_, limits)
                                : nullptr);
    Lane& home = executor.lane(static_cast<int>(i) % executor.lane_count());
    upstreams_.push_back(
        Make(i, home,
             UpstreamUse{.initialize_params = InitializeParams(),
                         .status = &status,
                         .lists_changed = [this, i] { loaders_[i]->Invalidate(); }}));
    const bool may_be_modern = is_http && server.protocol == Protocol::kAuto;
    modern_.push_back(
        may_be_modern ? Make(i, home,
                             UpstreamUse{.initialize_params = DiscoverParams(),
                                         .modern = true,
                                         .label = " (2026-07-28)",
                                         .only_on_demand = true,
                                         .lists_changed = [this, i] { loaders_[i]->Invalidate(); }})
                      : nullptr);
    loaders_.push_back(
        std::make_unique<CatalogueLoader>(i, *upstreams_.back(), home, router, status,
                                          [this, i](ListKind kind) { list_changed_(i, kind); }));
  }
}

std::unique_ptr<Upstream> UpstreamPool::Make(std::size_t server, Lane& home, UpstreamUse use) {
  const ServerConfig& config = config_.servers[server];
  const std::size_t response_bytes = config_.bridge.limits.response_bytes;
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
  }
  return std::make_unique<HttpUpstream>(config, *http_servers_[server], executor_, home,
                                        std::move(use));
}

Result<std::shared_ptr<Upstream>> UpstreamPool::NewSession(std::size_t server,
                                                           const ClientProfile& client,
                                                           const std::string& label,
                                                           Unsolicited unsolicited) {
  return MakeSession(server, InitializeParams(client), label, /*is_for_call=*/false,
                     std::move(unsolicited));
}

Result<std::shared_ptr<Upstream>> UpstreamPool::NewCallSession(std::size_t server,
                                                               const ClientProfile* client) {
  return MakeSession(server, client != nullptr ? InitializeParams(*client) : InitializeParams(),
                     " (one call)", /*is_for_call=*/true, Unsolicited{});
}

Result<std::shared_ptr<Upstream>> UpstreamPool::MakeSession(std::size_t server,
                                                            std::string initialize_params,
                                                            std::string label, bool is_for_call,
                                                            Unsolicited unsolicited) {
  const Counted counted{.is_process = http_servers_[server] == nullptr, .is_for_call = is_for_call};
  if (auto refused = CountIn(server, counted)) return *std::move(refused);
  const unsigned turn = next_home_.fetch_add(1, std::memory_order_relaxed);
  Lane* const home =
      &executor_.lane(static_cast<int>(turn % static_cast<unsigned>(executor_.lane_count())));
  auto session = Make(server, *home,
                      UpstreamUse{.initialize_params = std::move(initialize_params),
                                  .label = std::move(label),
                                  .one_client = true,
                                  .only_on_demand = true,
                                  .lists_changed = [] {},
                                  .unsolicited = std::move(unsolicited)});
  session->Start();
  return std::shared_ptr<Upstream>(
      session.release(), [this, home, counted](Upstream* gone) { SeeOff(gone, *home, counted); });
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
  client_processes_ += counted.is_process;
  call_sessions_ += counted.is_for_call;
  return std::nullopt;
}

void UpstreamPool::CountOut(Counted counted) {
  const std::lock_guard lock(mutex_);
  --client_sessions_;
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
UpstreamPool::~UpstreamPool() { loaders_.clear(); }

void UpstreamPool::Start() {
  for (auto& upstream : upstreams_) upstream->Start();
  for (auto& upstream : modern_) {
    if (upstream != nullptr) upstream->Start();
  }
}

void UpstreamPool::Stop(const std::string& why) {
  for (auto& loader : loaders_) loader->Stop();
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
  changed_.wait(lock, [&] { return left == 0 && client_sessions_ == 0; });
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

void UpstreamPool::RefreshCatalogue(std::size_t server, ListKind kind, Lane& lane,
                                    std::chrono::milliseconds max_age, Deadline deadline,
                                    std::function<void(std::optional<Error>)> done) {
  loaders_[server]->Refresh(kind, lane, max_age, deadline, std::move(done));
}

}  // namespace mcpbridge

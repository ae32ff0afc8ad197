#include "server/upstream/server.h"

#include <atomic>
#include <utility>

#include "server/mcp/modern.h"
#include "server/mcp/modern_meta.h"
#include "server/upstream/grpc_upstream.h"
#include "server/upstream/http_upstream.h"
#include "server/upstream/legacy_view.h"
#include "server/upstream/sse_upstream.h"
#include "server/upstream/stdio_upstream.h"

namespace mcpbridge {
namespace {

// What the configuration leaves open.
Protocol ProtocolOf(const ServerConfig& config) {
  switch (config.transport) {
    case TransportKind::kSse:
      return Protocol::kLegacy;
    case TransportKind::kGrpc:
      return Protocol::kModern;
    case TransportKind::kHttp:
    case TransportKind::kStdio:
      break;
  }
  return config.protocol;
}

Era EraOf(Protocol protocol) {
  if (protocol == Protocol::kModern) return Era::kModern;
  return protocol == Protocol::kLegacy ? Era::kLegacy : Era::kUnknown;
}

}  // namespace

Server::Server(ServerConfig config, std::size_t index, Router::Number number,
               Environment environment, std::function<void(ListKind)> list_changed)
    : config_(std::move(config)),
      index_(index),
      number_(number),
      environment_(environment),
      home_(environment.executor.lane(static_cast<int>(index) % environment.executor.lane_count())),
      era_(EraOf(ProtocolOf(config_))) {
  const bool is_http =
      config_.transport == TransportKind::kHttp || config_.transport == TransportKind::kSse;
  if (is_http) {
    http_ = std::make_unique<HttpServer>(config_.url, environment.executor, environment.trust,
                                         environment.limits);
  }
  MakeShared();
  const auto told = [this, list_changed = std::move(list_changed)](ListKind kind) {
    if (!retired()) list_changed(kind);
  };
  // What is there from the start was told of nobody; what comes later is news.
  lists_ = std::make_unique<CatalogueLoader>(index_, *upstream_, home_, environment_.router,
                                             environment_.status, told, number_,
                                             /*tells_first=*/number_ != 0);
  if (modern_ != nullptr) {
    watcher_ = std::make_unique<ListWatcher>(*modern_, home_, [this] { lists_->Invalidate(); });
  }
}

Server::~Server() { Clear(); }

// Loaders hold exchanges, so they go first.
void Server::Clear() {
  lists_.reset();
  watcher_.reset();
  upstream_.reset();
  modern_.reset();
  http_.reset();
}

void Server::MakeShared() {
  const Protocol protocol = ProtocolOf(config_);
  UpstreamUse use{.initialize_params = BridgeParams(),
                  .modern = true,
                  .era = &era_,
                  .label = " (" + std::string(kModernVersion) + ")",
                  .status = &environment_.status,
                  .number = number_,
                  .only_on_demand = true,
                  .lists_changed = [this] {
                    lists_->Invalidate();
                    // Where it speaks the other era too, that one's session hears of its lists.
                    if (era_.get() == Era::kModern) watcher_->Begin();
                  }};
  modern_ = protocol == Protocol::kLegacy ? nullptr : Make(home_, use);
  Upstream* const modern = modern_.get();
  if (protocol == Protocol::kModern) {
    upstream_ = std::make_unique<LegacyView>(*modern);
    return;
  }
  use.initialize_params = InitializeParams();
  use.modern = false;
  use.lists_changed = [this] { lists_->Invalidate(); };
  use.label.clear();
  use.only_on_demand = false;
  auto legacy = Make(home_, std::move(use));
  if (modern == nullptr) {
    upstream_ = std::move(legacy);
    return;
  }
  era_.SetWake([wake = legacy.get()] { wake->Wake(); }, [modern] { modern->Wake(); });
  upstream_ =
      std::make_unique<EitherEra>(era_, std::move(legacy), std::make_unique<LegacyView>(*modern));
}

std::unique_ptr<Upstream> Server::Make(Lane& home, UpstreamUse use) {
  const std::size_t response_bytes = environment_.limits.response_bytes;
  use.processes = processes_;
  switch (config_.transport) {
    case TransportKind::kHttp:
      break;
    case TransportKind::kSse:
      return std::make_unique<SseUpstream>(config_, *http_, home,
                                           SseUpstream::Limits{.response_bytes = response_bytes},
                                           std::move(use));
    case TransportKind::kStdio:
      return std::make_unique<StdioUpstream>(
          config_, home, StdioUpstream::Limits{.response_bytes = response_bytes}, std::move(use));
    case TransportKind::kGrpc:
      return std::make_unique<GrpcUpstream>(config_, environment_.executor, home,
                                            GrpcUpstream::Limits{.response_bytes = response_bytes},
                                            std::move(use));
  }
  return std::make_unique<HttpUpstream>(config_, *http_, environment_.executor, home,
                                        std::move(use));
}

void Server::Start() {
  upstream_->Start();
  if (modern_ != nullptr) modern_->Start();
}

void Server::Retire() {
  retired_.store(true, std::memory_order_release);
  lists_->Stop(
      Error{.reason = Reason::kUpstreamUnavailable,
            .message = "the configuration of server \"" + config_.name + "\" has just changed"});
  if (watcher_ != nullptr) watcher_->Stop();
}

void Server::StopAsking() {
  lists_->Stop();
  if (watcher_ != nullptr) watcher_->Stop();
}

void Server::Close(const std::string& why, std::function<void()> done) {
  StopAsking();
  auto left = std::make_shared<std::atomic<int>>(modern_ != nullptr ? 2 : 1);
  auto last = [this, left, done = std::move(done)] {
    if (left->fetch_sub(1) != 1) return;
    http_ != nullptr ? http_->CloseIdle(done) : done();
  };
  upstream_->Stop(why, last);
  if (modern_ != nullptr) modern_->Stop(why, last);
}

}  // namespace mcpbridge

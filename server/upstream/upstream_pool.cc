#include "server/upstream/upstream_pool.h"

#include <condition_variable>
#include <mutex>
#include <utility>

#include "server/base/log.h"
#include "server/upstream/http_upstream.h"
#include "server/upstream/stdio_upstream.h"

namespace mcpbridge {

UpstreamPool::UpstreamPool(const Config& config, Executor& executor, Router& router,
                           StatusBoard& status) {
  // Certificates are verified against the system's store; SSL_CERT_FILE names another.
  tls_.set_default_verify_paths();
  tls_.set_verify_mode(boost::asio::ssl::verify_peer);
  for (std::size_t i = 0; i < config.servers.size(); ++i) {
    const ServerConfig& server = config.servers[i];
    const int home = static_cast<int>(i) % executor.lane_count();
    const auto lists_changed = [this, i] { loaders_[i]->Invalidate(); };
    switch (server.transport) {
      case TransportKind::kHttp:
        upstreams_.push_back(std::make_unique<HttpUpstream>(
            server, executor, home, status, &tls_,
            HttpPool::Limits{
                .connections = static_cast<std::size_t>(config.bridge.limits.upstream_connections),
                .response_bytes = config.bridge.limits.response_bytes},
            lists_changed));
        break;
      case TransportKind::kStdio:
        upstreams_.push_back(std::make_unique<StdioUpstream>(
            server, executor.lane(home), status,
            StdioUpstream::Limits{.response_bytes = config.bridge.limits.response_bytes},
            lists_changed));
        break;
    }
    loaders_.push_back(std::make_unique<CatalogueLoader>(i, *upstreams_.back(), executor.lane(home),
                                                         router, status));
  }
}

// The lanes have stopped by now. Loaders hold exchanges, so they go first.
UpstreamPool::~UpstreamPool() { loaders_.clear(); }

void UpstreamPool::Start() {
  for (auto& upstream : upstreams_) upstream->Start();
}

void UpstreamPool::Stop(const std::string& why) {
  std::mutex mutex;
  std::condition_variable all_done;
  std::size_t left = upstreams_.size();
  for (auto& loader : loaders_) loader->Stop();
  for (auto& upstream : upstreams_) {
    upstream->Stop(why, [&] {
      const std::lock_guard lock(mutex);
      if (--left == 0) all_done.notify_one();
    });
  }
  std::unique_lock lock(mutex);
  all_done.wait(lock, [&] { return left == 0; });
}

void UpstreamPool::RefreshCatalogue(std::size_t server, ListKind kind, Lane& lane,
                                    std::chrono::milliseconds max_age, Deadline deadline,
                                    std::function<void(std::optional<Error>)> done) {
  loaders_[server]->Refresh(kind, lane, max_age, deadline, std::move(done));
}

}  // namespace mcpbridge

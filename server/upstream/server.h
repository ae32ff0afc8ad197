#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "server/config/config.h"
#include "server/routing/router.h"
#include "server/runtime/executor.h"
#include "server/upstream/catalogue_loader.h"
#include "server/upstream/http_server.h"
#include "server/upstream/list_watcher.h"
#include "server/upstream/server_era.h"
#include "server/upstream/status.h"
#include "server/upstream/tls_trust.h"
#include "server/upstream/upstream.h"

namespace mcpbridge {

// One configured server: the sessions with it that all share, its connections, what is known of its
// era, and its lists. Made for one entry of a configuration, and kept by later ones as long as that
// entry says the same of how it is reached. Held by the ServerSets that have it and by the sessions
// of clients with it; made by UpstreamPool, which sees it off when nobody holds it any more.
class Server {
 public:
  struct Environment {
    Executor& executor;
    TlsTrust& trust;  // for https
    Router& router;
    StatusBoard& status;
    HttpPool::Limits limits;
  };

  // `index`: its place in the configuration. `number`: tells it from others that have had the
  // place. `list_changed` is told, on `home`, when a list of it has become another.
  Server(ServerConfig config, std::size_t index, Router::Number number, Environment environment,
         std::function<void(ListKind)> list_changed);
  // After Close(), or once the lanes have stopped.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // As it was when this was made: of what SameConnection() overlooks, newer configurations may say
  // something else.
  const ServerConfig& config() const { return config_; }
  std::size_t index() const { return index_; }
  Router::Number number() const { return number_; }
  Lane& home() { return home_; }

  // See UpstreamPool.
  Upstream& upstream() { return *upstream_; }
  Upstream* modern() { return modern_.get(); }
  ServerEra& era() { return era_; }
  CatalogueLoader& lists() { return *lists_; }
  bool is_http() const { return http_ != nullptr; }
  // Of `lane`; http and sse only. On `lane`.
  std::size_t connections(const Lane& lane) const {
    return http_ != nullptr ? http_->pool(lane).size() : 0;
  }
  // That run, for all its sessions; stdio only. Any thread.
  std::size_t processes() const {
    return static_cast<std::size_t>(processes_->load(std::memory_order_relaxed));
  }

  // Another session with it.
  std::unique_ptr<Upstream> Make(Lane& home, UpstreamUse use);

  // Begins to connect. On main's thread, once, while the lanes run.
  void Start();

  // The configuration has it no longer: calls under way go on, nothing new is kept for it, and it
  // is asked for no lists any more. Any thread.
  void Retire();
  bool retired() const { return retired_.load(std::memory_order_acquire); }

  // Asks for no lists any more, as the bridge is stopping. Any thread.
  void StopAsking();

  // Ends all that all share, for good (why: for the log), and calls `done` once, on any thread,
  // when no connection and no process is left. Once, when no exchange is under way and no client's
  // session is left. Any thread.
  void Close(const std::string& why, std::function<void()> done);

  // Frees what it consists of. Once the lanes have stopped.
  void Clear();

 private:
  void MakeShared();

  const ServerConfig config_;
  const std::size_t index_;
  const Router::Number number_;
  Environment environment_;
  Lane& home_;
  std::atomic<bool> retired_{false};
  const std::shared_ptr<std::atomic<int>> processes_ = std::make_shared<std::atomic<int>>(0);
  ServerEra era_;
  std::unique_ptr<HttpServer> http_;  // null: it isn't reached over HTTP
  std::unique_ptr<Upstream> modern_;  // null: it isn't asked for that era
  std::unique_ptr<Upstream> upstream_;
  std::unique_ptr<CatalogueLoader> lists_;
  std::unique_ptr<ListWatcher> watcher_;  // null: it has no modern era
};

// The servers of one configuration, by their index; null: an absent one. Immutable.
class ServerSet {
 public:
  explicit ServerSet(std::vector<std::shared_ptr<Server>> servers) : servers_(std::move(servers)) {}

  const std::shared_ptr<Server>& At(std::size_t index) const { return servers_[index]; }
  std::size_t size() const { return servers_.size(); }

 private:
  const std::vector<std::shared_ptr<Server>> servers_;
};

}  // namespace mcpbridge

#pragma once

#include <boost/asio/ssl/context.hpp>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/base/deadline.h"
#include "server/base/error.h"
#include "server/config/config.h"
#include "server/mcp/initialize.h"
#include "server/routing/router.h"
#include "server/runtime/executor.h"
#include "server/upstream/catalogue_loader.h"
#include "server/upstream/http_server.h"
#include "server/upstream/status.h"
#include "server/upstream/upstream.h"

namespace mcpbridge {

// Owns every upstream for the life of the process, and keeps the lists of what each has. Owned by
// App. Nothing that belongs to a call can end a session through it: calls get an Exchange only.
class UpstreamPool {
 public:
  UpstreamPool(const Config& config, Executor& executor, Router& router, StatusBoard& status);
  ~UpstreamPool();

  // The session that all share.
  Upstream& upstream(std::size_t server) { return *upstreams_[server]; }

  // The server in the era without sessions, for callers of that era; null: it isn't asked for it.
  // Connects, and finds out whether it speaks it, at its first request.
  Upstream* modern(std::size_t server) { return modern_[server].get(); }

  // A session of the client's own, which opens at its first request, with `label` in the log. It is
  // closed when nobody holds it any more. Any thread. Error: kOverloaded (too many processes).
  Result<std::shared_ptr<Upstream>> NewSession(std::size_t server, const ClientProfile& client,
                                               const std::string& label, Unsolicited unsolicited);

  // Calls `told`, on any lane, when a list of a server's that was known has become another. Before
  // Start(); `told` may be called until Stop() has returned.
  void WhenListsChange(std::function<void(std::size_t server, ListKind kind)> told) {
    list_changed_ = std::move(told);
  }

  // Begins to connect to all. On main's thread, after Executor::Start().
  void Start();

  // Ends all sessions and processes and waits for that. On main's thread, when no call is under
  // way and no client's session is held any more.
  void Stop(const std::string& why);

  // Makes sure one of the server's lists is known and no older than `max_age`; those who ask at
  // once share one request. `done` runs once on `lane`, possibly at once: with the error, if the
  // server couldn't be asked by `deadline`. On `lane`.
  void RefreshCatalogue(std::size_t server, ListKind kind, Lane& lane,
                        std::chrono::milliseconds max_age, Deadline deadline,
                        std::function<void(std::optional<Error>)> done);

 private:
  std::unique_ptr<Upstream> Make(std::size_t server, Lane& home, UpstreamUse use);
  void SeeOff(Upstream* session, Lane& home, bool is_process);

  const Config& config_;
  Executor& executor_;
  boost::asio::ssl::context tls_{boost::asio::ssl::context::tls_client};
  std::vector<std::unique_ptr<HttpServer>> http_servers_;  // by server; null: it is a process
  std::vector<std::unique_ptr<Upstream>> upstreams_;
  std::vector<std::unique_ptr<Upstream>> modern_;
  std::vector<std::unique_ptr<CatalogueLoader>> loaders_;
  std::function<void(std::size_t, ListKind)> list_changed_ = [](std::size_t, ListKind) {};

  std::mutex mutex_;
  std::condition_variable changed_;
  unsigned next_home_ = 0;
  std::size_t client_sessions_ = 0;  // made by NewSession() and not gone yet
  int client_processes_ = 0;         // those of them that are processes
};

}  // namespace mcpbridge

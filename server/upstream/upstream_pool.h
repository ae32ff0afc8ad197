#pragma once

#include <atomic>
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
#include "server/upstream/list_watcher.h"
#include "server/upstream/status.h"
#include "server/upstream/tls_trust.h"
#include "server/upstream/upstream.h"

namespace mcpbridge {

// Owns every upstream for the life of the process, and keeps the lists of what each has. Owned by
// App. Nothing that belongs to a call can end a session through it: calls get an Exchange only.
class UpstreamPool {
 public:
  UpstreamPool(const Config& config, Executor& executor, Router& router, StatusBoard& status);
  ~UpstreamPool();

  // The session that all share, as callers of the legacy era use it.
  Upstream& upstream(std::size_t server) { return *upstreams_[server]; }

  // The server in the era without sessions, for callers of that era; null: it isn't asked for it.
  // Connects, and finds out whether it speaks it, at its first request.
  Upstream* modern(std::size_t server) { return modern_[server].get(); }

  // Whether the server is reached in the modern era only. Any thread.
  bool IsModernOnly(std::size_t server) const { return eras_[server]->get() == Era::kModern; }

  // Whether it is known to be reached in the legacy era only. Any thread.
  bool IsLegacyOnly(std::size_t server) const {
    return modern_[server] == nullptr || eras_[server]->refuses_modern();
  }

  // Whether all requests of a session are one client's: see StdioSupervisor::LikelyCall().
  enum class Whose { kOneClient, kManyClients };

  // A session of its own for such a client, which opens at its first request, with `label` in the
  // log. It is closed when nobody holds it any more. Any thread. Error: kOverloaded (too many
  // processes).
  Result<std::shared_ptr<Upstream>> NewSession(std::size_t server, const ClientProfile& client,
                                               const std::string& label,
                                               Whose whose = Whose::kOneClient,
                                               Unsolicited unsolicited = {});

  // Calls `told`, on any lane, when a list of a server's that was known has become another. Before
  // Start(); `told` may be called until Stop() has returned.
  void WhenListsChange(std::function<void(std::size_t server, ListKind kind)> told) {
    list_changed_ = std::move(told);
  }

  // One for a single call, in the name of `client`, or of the bridge itself (null). Otherwise like
  // NewSession(). Error: kOverloaded (also where as many are there, or are being closed, as calls
  // may be under way).
  Result<std::shared_ptr<Upstream>> NewCallSession(std::size_t server, const ClientProfile* client);

  // Begins to connect to all. On main's thread, after Executor::Start().
  void Start();

  // Ends all sessions and processes and waits for that. On main's thread, when no call is under
  // way and no client's session is held any more.
  void Stop(const std::string& why);

  // Whether the server has said that it has this list, or has said nothing yet. Any thread.
  bool Offers(std::size_t server, ListKind kind) const { return loaders_[server]->Offers(kind); }

  // What there is of each server, for whoever looks after the bridge. By server.
  struct Usage {
    std::size_t connections = 0;  // of the lanes that were asked; http and sse only
    std::size_t sessions = 0;     // that are a client's or a call's own
    std::size_t processes = 0;    // stdio only
  };
  // Adds the connections of `lane`. On `lane`.
  void AddConnections(const Lane& lane, std::vector<Usage>& usage) const;
  // Adds the rest. Any thread.
  void AddSessions(std::vector<Usage>& usage) const;

  // Makes sure one of the server's lists is known and no older than `max_age`; those who ask at
  // once share one request. `done` runs once on `lane`, possibly at once: with the error, if the
  // server couldn't be asked by `deadline`. On `lane`.
  void RefreshCatalogue(std::size_t server, ListKind kind, Lane& lane,
                        std::chrono::milliseconds max_age, Deadline deadline,
                        std::function<void(std::optional<Error>)> done);

 private:
  void MakeShared(std::size_t server, Lane& home, StatusBoard& status);
  std::unique_ptr<Upstream> Make(std::size_t server, Lane& home, UpstreamUse use);
  // What one session of NewSession() or NewCallSession() counts as.
  struct Counted {
    std::size_t server = 0;
    bool is_process = false;
    bool is_for_call = false;
  };
  std::optional<Error> CountIn(std::size_t server, Counted counted);
  void CountOut(Counted counted);
  Result<std::shared_ptr<Upstream>> MakeSession(std::size_t server, const ClientProfile* client,
                                                UpstreamUse use, bool is_for_call);
  std::shared_ptr<Upstream> Own(std::unique_ptr<Upstream> session, Lane& home, Counted counted);
  void SeeOff(Upstream* session, Lane& home, Counted counted);

  const Config& config_;
  Executor& executor_;
  TlsTrust trust_;
  std::vector<std::unique_ptr<HttpServer>> http_servers_;  // by server; null: none over HTTP
  std::vector<std::unique_ptr<ServerEra>> eras_;
  std::vector<std::unique_ptr<Upstream>> modern_;
  std::vector<std::unique_ptr<Upstream>> upstreams_;
  std::vector<std::unique_ptr<CatalogueLoader>> loaders_;
  std::vector<std::unique_ptr<ListWatcher>> watchers_;  // null: it has no modern era
  std::function<void(std::size_t, ListKind)> list_changed_ = [](std::size_t, ListKind) {};

  std::atomic<unsigned> next_home_{0};
  std::vector<std::shared_ptr<std::atomic<int>>> processes_;  // that run, by server
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t client_sessions_ = 0;       // made by NewSession(), NewCallSession() and not gone yet
  std::vector<std::size_t> sessions_of_;  // those of them by server
  int client_processes_ = 0;              // those of them that are processes
  int call_sessions_ = 0;                 // those of them that are for one call
};

}  // namespace mcpbridge

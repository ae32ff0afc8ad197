#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "server/base/deadline.h"
#include "server/base/error.h"
#include "server/config/config.h"
#include "server/mcp/initialize.h"
#include "server/routing/router.h"
#include "server/runtime/executor.h"
#include "server/upstream/server.h"
#include "server/upstream/status.h"
#include "server/upstream/tls_trust.h"
#include "server/upstream/upstream.h"

namespace mcpbridge {

// Makes and sees off the servers of each configuration, and clients' sessions with them. Owned by
// App. Nothing that belongs to a call can end a session through it: calls get an Exchange only.
//
// What takes an index means the servers as the lane has them on which it is called, or, elsewhere,
// those of the newest configuration. A server that is absent there has nothing.
class UpstreamPool {
 public:
  // With the servers of `config`.
  UpstreamPool(const Config& config, Executor& executor, Router& router, StatusBoard& status);
  ~UpstreamPool();

  // Null: it is absent. On a lane, or on main's thread.
  const std::shared_ptr<Server>& At(std::size_t server) const;

  // The session that all share, as callers of the legacy era use it. Not of one that is absent.
  Upstream& upstream(std::size_t server) { return At(server)->upstream(); }

  // The server in the era without sessions, for callers of that era; null: it isn't asked for it.
  // Connects, and finds out whether it speaks it, at its first request.
  Upstream* modern(std::size_t server) {
    const std::shared_ptr<Server>& at = At(server);
    return at != nullptr ? at->modern() : nullptr;
  }

  // Whether the server is reached in the modern era only.
  bool IsModernOnly(std::size_t server) const {
    const std::shared_ptr<Server>& at = At(server);
    return at != nullptr && at->era().get() == Era::kModern;
  }

  // Whether it is known to be reached in the legacy era only.
  bool IsLegacyOnly(std::size_t server) const {
    const std::shared_ptr<Server>& at = At(server);
    return at != nullptr && (at->modern() == nullptr || at->era().refuses_modern());
  }

  // Whether all requests of a session are one client's: see StdioSupervisor::LikelyCall().
  enum class Whose { kOneClient, kManyClients };

  // A session of its own for such a client, which opens at its first request, with `label` in the
  // log. It is closed when nobody holds it any more. `subscribed`: resources that are subscribed to
  // in it from the start, each of which counts as updated then. Any thread. Error: kOverloaded (too
  // many processes).
  Result<std::shared_ptr<Upstream>> NewSession(const std::shared_ptr<Server>& server,
                                               const ClientProfile& client,
                                               const std::string& label,
                                               Whose whose = Whose::kOneClient,
                                               Unsolicited unsolicited = {},
                                               const std::vector<std::string>& subscribed = {});

  // Calls `told`, on any lane, when a list of a server's that was known has become another. Before
  // Start(); `told` may be called until Stop() has returned.
  void WhenListsChange(std::function<void(std::size_t server, ListKind kind)> told) {
    list_changed_ = std::move(told);
  }

  // One for a single call, in the name of `client`, or of the bridge itself (null). Otherwise like
  // NewSession(). Error: kOverloaded (also where as many are there, or are being closed, as calls
  // may be under way).
  Result<std::shared_ptr<Upstream>> NewCallSession(const std::shared_ptr<Server>& server,
                                                   const ClientProfile* client);

  // Begins to connect to all. On main's thread, after Executor::Start().
  void Start();

  // Another configuration, Placed() in the place of the one before: servers that it has otherwise,
  // or not at all, are retired, and seen off when nobody holds them any more; new ones begin to
  // connect. When it returns every lane has it. The indices of those that were retired. On main's
  // thread, between Start() and Stop().
  std::vector<std::size_t> Change(const std::shared_ptr<const Config>& config);

  // Ends all sessions and processes and waits for that. On main's thread, when no call is under
  // way and no client's session is held any more.
  void Stop(const std::string& why);

  // Whether the server has said that it has this list, or has said nothing yet.
  bool Offers(std::size_t server, ListKind kind) const {
    const std::shared_ptr<Server>& at = At(server);
    return at != nullptr && at->lists().Offers(kind);
  }

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

  // How many servers there are, with those that are being seen off. Any thread.
  std::size_t server_count() const;

 private:
  // Where servers find the pool, or that it is gone.
  struct Link {
    std::mutex mutex;
    UpstreamPool* pool;
  };
  // What one session of NewSession() or NewCallSession() counts as.
  struct Counted {
    std::size_t server = 0;
    bool is_process = false;
    bool is_for_call = false;
  };

  std::shared_ptr<Server> MakeServer(const ServerConfig& config, std::size_t index,
                                     Router::Number number, const BridgeConfig::Limits& limits);
  void SeeOff(Server* server);
  void SetLimits(const BridgeConfig::Limits& limits);
  void Grow(const Config& placed);
  std::optional<Error> CountIn(const Server& server, Counted counted);
  void CountOut(Counted counted);
  Result<std::shared_ptr<Upstream>> MakeSession(const std::shared_ptr<Server>& server,
                                                const ClientProfile* client, UpstreamUse use,
                                                bool is_for_call,
                                                const std::vector<std::string>& subscribed = {});
  std::shared_ptr<Upstream> Own(std::unique_ptr<Upstream> session, std::shared_ptr<Server> server,
                                Lane& home, Counted counted);
  void SeeOff(Upstream* session, std::shared_ptr<Server> server, Lane& home, Counted counted);

  Executor& executor_;
  Router& router_;
  StatusBoard& status_;
  TlsTrust trust_;
  std::function<void(std::size_t, ListKind)> list_changed_ = [](std::size_t, ListKind) {};
  const std::shared_ptr<Link> link_;

  // Main's thread.
  std::shared_ptr<const Config> config_;
  std::shared_ptr<const ServerSet> set_;
  std::vector<Router::Number> numbers_;  // by index
  Router::Number last_number_ = 0;       // those of the start have 0

  std::atomic<unsigned> next_home_{0};
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::set<Server*> servers_;                    // all but those that are being seen off
  std::size_t closing_ = 0;                      // how many those are
  bool stopping_ = false;                        // none is seen off singly any more
  std::vector<std::unique_ptr<Server>> let_go_;  // since then
  int max_client_processes_ = 0;
  int max_call_sessions_ = 0;
  std::size_t client_sessions_ = 0;       // made by NewSession(), NewCallSession() and not gone yet
  std::vector<std::size_t> sessions_of_;  // those of them by server
  int client_processes_ = 0;              // those of them that are processes
  int call_sessions_ = 0;                 // those of them that are for one call
};

}  // namespace mcpbridge

#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/base/deadline.h"
#include "server/base/error.h"
#include "server/config/config.h"
#include "server/observe/observer.h"
#include "server/routing/route_table.h"
#include "server/routing/router.h"
#include "server/runtime/executor.h"
#include "server/runtime/gate.h"
#include "server/service/askable_views.h"
#include "server/service/asking_sessions.h"
#include "server/service/catalogue_view.h"
#include "server/service/listing.h"
#include "server/service/parked_calls.h"
#include "server/service/subscriptions.h"
#include "server/trace/tracer.h"
#include "server/upstream/status.h"
#include "server/upstream/upstream.h"
#include "server/upstream/upstream_pool.h"

namespace mcpbridge {

// A caller's headers or metadata, as its front has them.
class CallerHeaders {
 public:
  // The value of header `name` (lower case); nullopt: not sent. Valid while the request is.
  virtual std::optional<std::string_view> Get(std::string_view name) const = 0;

  // Who sent them, for the log: "127.0.0.1:5123"; empty: not known.
  virtual std::string Peer() const { return {}; }

 protected:
  ~CallerHeaders() = default;
};

// What both fronts do, once: admission, keys, routing, listing. Calls themselves are RoutedCall's.
// Owned by App. Thread-safe where it says so.
class ToolService {
 public:
  ToolService(const Config& config, Executor& executor, UpstreamPool& pool, Router& router,
              StatusBoard& status, Observer& observer);

  // Counts a call in; each success owes one Leave(). Any thread.
  // Errors: kOverloaded, kShuttingDown.
  std::optional<Error> Enter();
  void Leave() { gate_.Leave(); }
  // The same for subscriptions, which last as long as their callers like: they aren't calls that a
  // stop waits for, but each takes a connection to a server. At most half of those one lane may
  // have.
  std::optional<Error> EnterSubscription();
  void LeaveSubscription() { subscription_gate_.Leave(); }
  // Ends all subscriptions, in order, lets no new one begin, and waits until they have ended.
  // False: not before `deadline`. On main's thread.
  bool EndSubscriptions(Deadline deadline);
  Gate& gate() { return gate_; }
  std::uint64_t subscription_count() const { return subscription_gate_.count(); }

  // Whether the caller may come in: the master key in `x-litellm-api-key`, or else in
  // `authorization: Bearer`, compared in constant time. Always true without a master key. Any
  // thread.
  bool Authorized(const CallerHeaders& headers) const;

  // The servers that a caller wants: those that `path` names, else those of its headers
  // x-mcp-servers and x-mcp-access-groups, else all. Any thread. Errors: see FindScope().
  Result<Scope> ScopeOf(std::string_view path, const CallerHeaders& headers) const;

  // The lane that a call had best begin on: its server's home where that is known from the names
  // alone, otherwise one in turn. Any thread.
  Lane& PickLane(std::string_view server, std::string_view name);

  // Those of a caller's headers that any server's `extra_headers` names, but never the one that
  // carried the bridge's own key. Any thread.
  Headers Forwardable(const CallerHeaders& headers) const;

  // The configuration: on a lane that of its route table, valid until the running handler returns;
  // elsewhere the newest that this thread has seen, which is looked for in Authorized() and valid
  // until then.
  const Config& config() const;
  StatusBoard& status() { return status_; }
  Observer& observer() { return observer_; }
  // Where the server's calls are counted.
  std::size_t SlotOf(std::size_t server) const;
  Router& router() { return router_; }
  UpstreamPool& pool() { return pool_; }
  Lister& lister() { return lister_; }

  // What servers have, as callers without a session see it that declare these
  // AskableCapabilities(). Any thread.
  std::shared_ptr<CatalogueView> ViewFor(const std::string& capabilities = {});

  // Another view of them. Any thread.
  std::shared_ptr<PrivateView> MakeView(PrivateView::Source source);

  // A list of the server's that all share has become another. Any thread.
  void OnListChanged(std::size_t server) { askable_views_.Outdate(server); }

  // Every lane has another configuration, Placed(), in which other servers, or none, are in the
  // places of `retired`, and callers see something else than before of `concerned`: what is kept of
  // those before is let go of, subscribers are told, and keys and limits hold for new requests. On
  // main's thread.
  void OnConfigChanged(std::shared_ptr<const Config> config,
                       const std::vector<std::size_t>& retired,
                       const std::vector<std::size_t>& concerned);

  ParkedCalls& parked() { return parked_; }
  Subscriptions& subscriptions() { return listeners_; }
  // Null: no calls are traced.
  Tracer* tracer() { return tracer_.get(); }
  AskingSessions& asking_sessions() { return asking_sessions_; }

  // Ends what waits between the requests of callers, and the sessions kept for it. Any thread.
  void CloseParked();

 private:
  const std::unique_ptr<Tracer> tracer_;  // outlives the calls that others end here
  // What is looked up without a lane's table, ready for use. Immutable.
  struct Settings {
    Settings(std::shared_ptr<const Config> of, UpstreamPool& pool, Observer& observer);

    const std::shared_ptr<const Config> config;
    std::vector<std::string> forwardable;  // every name in any server's extra_headers, once
    std::vector<Lane*> homes;              // by server; null: any lane, or an absent server
    std::vector<std::size_t> slots;        // in the observer, by server
    std::array<unsigned char, 32> key_digest{};
  };
  // This thread's own, so that nobody waits for anybody: `look`, the newest there is.
  const Settings& OfThread(bool look) const;
  const Settings& ForRequest() const;

  Executor& executor_;
  UpstreamPool& pool_;
  Router& router_;
  StatusBoard& status_;
  Observer& observer_;
  Lister lister_;
  AskingSessions asking_sessions_;
  const std::shared_ptr<SharedView> shared_view_;
  AskableViews askable_views_;
  ParkedCalls parked_;
  Subscriptions listeners_;
  Gate gate_;
  Gate subscription_gate_;
  const std::uint64_t number_;  // no other service of this process has it
  mutable std::mutex settings_mutex_;
  std::shared_ptr<const Settings> settings_;
  std::atomic<std::uint64_t> version_{1};  // of settings_
  std::atomic<unsigned> next_lane_{0};
};

}  // namespace mcpbridge

#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/base/deadline.h"
#include "server/base/error.h"
#include "server/mcp/subscriptions.h"
#include "server/routing/list_kind.h"
#include "server/routing/scope.h"
#include "server/runtime/lane.h"
#include "server/service/client_session.h"
#include "server/service/routed_call.h"
#include "server/service/subscriptions.h"
#include "server/service/tool_service.h"

namespace mcpbridge {

// What a subscriber is told.
struct SubscriptionEvent {
  enum class Kind { kTools, kPrompts, kResources, kUpdated };  // the first three: a list

  Kind kind = Kind::kUpdated;
  std::size_t server = 0;
  std::string uri = {};     // with kUpdated
  std::string params = {};  // with kUpdated: as the server gave them, raw
};

// One caller's subscription to what some servers say outside of calls, whatever their era and their
// transport: changed lists, which the bridge notices for all, and updates of resources, for which
// it has a session of its own with each server that has one of them, as a client with `initialize`
// has. Its end is the end of these sessions, and nobody else's. Lane-only.
class Subscription {
 public:
  class Handler {
   public:
    // What is listened to is known: accepted(), refused(). Once, before anything else, and never
    // inside Start(). The Subscription may be destroyed in here, and in all others.
    virtual void OnSubscribed() = 0;
    // There is something to take, where there was nothing before.
    virtual void OnEvent() = 0;
    // The bridge is stopping.
    virtual void OnBridgeStops() = 0;

   protected:
    ~Handler() = default;
  };

  // A resource that is watched.
  struct Watched {
    std::string uri;
    std::size_t server;
  };

  // Of memory: what waits for one subscriber. Events that say the same are one, so only names of
  // resources that nobody asked for (parts of those that were) can be so many.
  static constexpr std::size_t kMaxBytes = 256 << 10;

  // `service` has let it in (EnterSubscription()).
  Subscription(ToolService& service, Lane& lane, Handler& handler);
  ~Subscription();
  Subscription(const Subscription&) = delete;
  Subscription& operator=(const Subscription&) = delete;

  // Resources of servers that don't answer within 10 s are refused. `forwarded`: of the caller's
  // headers (ToolService::Forwardable). Error: kShuttingDown.
  std::optional<Error> Start(Scope scope, ListenFor wanted, Headers forwarded);

  // What will be told.
  const ListenFor& accepted() const { return accepted_; }
  const std::vector<Watched>& watched() const { return watched_; }
  // Resources that can't be watched, and why.
  const std::vector<std::pair<std::string, Error>>& refused() const { return refused_; }

  // The next event; nullopt: there is none.
  std::optional<SubscriptionEvent> Next();
  // How many found no room, since they were last counted.
  int TakeDropped() { return std::exchange(dropped_, 0); }

 private:
  class Watch;
  struct Alive {
    Subscription* subscription;
  };

  void WatchMore();
  void OnWatchEnd();
  void OnListChanged(std::size_t server, ListKind kind);
  void OnUpdated(std::size_t server, std::string params);
  void Push(SubscriptionEvent event);
  void CountUp();
  void Finish();

  ToolService& service_;
  Lane& lane_;
  Handler& handler_;
  Scope scope_;
  ListenFor wanted_;
  Headers forwarded_;
  Deadline begin_by_;
  std::uint64_t number_ = 0;  // in Subscriptions; 0: not there
  std::shared_ptr<ClientSession> session_;
  std::vector<std::unique_ptr<Watch>> watches_;
  std::size_t begun_ = 0;
  std::size_t under_way_ = 0;
  bool subscribed_ = false;
  ListenFor accepted_;
  std::vector<Watched> watched_;
  std::vector<std::pair<std::string, Error>> refused_;
  std::deque<SubscriptionEvent> events_;
  std::size_t bytes_ = 0;  // of events_
  int dropped_ = 0;
  const std::shared_ptr<Alive> alive_ = std::make_shared<Alive>(Alive{this});
};

}  // namespace mcpbridge

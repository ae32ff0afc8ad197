#pragma once

#include <atomic>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "server/base/backoff.h"
#include "server/jsonrpc/message.h"
#include "server/runtime/deadline_queue.h"
#include "server/runtime/lane.h"
#include "server/upstream/server_era.h"
#include "server/upstream/upstream.h"

namespace mcpbridge {

// The resources that the client of a session has subscribed to. When the session has had to be made
// again they are subscribed to again, one by one, and each counts as updated then: what the server
// had to say in between is lost. On the session's home lane except where it says so.
class KeptSubscriptions final : public std::enable_shared_from_this<KeptSubscriptions>,
                                private ReplyHandler,
                                private DeadlineEntry {
 public:
  // `era`: of the session's server. `announce`: see Unsolicited.
  KeptSubscriptions(const ServerEra& era, Lane& home,
                    std::function<void(jsonrpc::Message&)> announce);
  ~KeptSubscriptions() override;

  // Before anything else: the session, which outlives all but Stop().
  void SetSession(Upstream& session) { session_ = &session; }

  // Whether the session has to stay open. Any thread.
  bool HoldOpen() const { return count_.load() > 0 && era_.get() != Era::kModern; }

  // Whether there is room for it: kMaxWatchedUris. Any thread.
  bool MayKeep(const std::string& uri) const;

  // The server has taken a subscription, or its end. Any thread.
  void Keep(const std::string& uri);
  void Forget(const std::string& uri);

  // What is kept by now. Any thread.
  std::vector<std::string> All() const;

  // Those of a session that this one is in the place of: makes them here, with the same effect as
  // above. After SetSession(). Any thread.
  void Adopt(const std::vector<std::string>& uris);

  // The session has been opened. Any thread.
  void OnOpened();

  // Any thread.
  void Stop();

 private:
  void OnReply(Result<jsonrpc::Message> message) override;
  void OnDeadline() override;
  void Send();
  void TryAgain();
  void Announce(const std::string& uri);

  const ServerEra& era_;
  Lane& home_;
  const std::function<void(jsonrpc::Message&)> announce_;
  Upstream* session_ = nullptr;
  std::atomic<std::size_t> count_{0};
  mutable std::mutex mutex_;
  std::set<std::string> uris_;  // guarded by mutex_

  std::deque<std::string> todo_;  // to subscribe to again; the first is under way
  std::unique_ptr<Exchange> exchange_;
  Backoff backoff_;
  bool stopped_ = false;
};

// A session that keeps its client's subscriptions. Thread-safe.
class SubscribingSession final : public Upstream {
 public:
  SubscribingSession(std::unique_ptr<Upstream> session, std::shared_ptr<KeptSubscriptions> kept);
  ~SubscribingSession() override;

  Lane* home() override { return session_->home(); }
  void Start() override { session_->Start(); }
  void Wake() override { session_->Wake(); }
  void Notify(std::string notification) override { session_->Notify(std::move(notification)); }
  Result<std::unique_ptr<Exchange>> Send(Lane& lane, UpstreamRequest request,
                                         ReplyHandler& handler) override;
  std::vector<std::string> subscribed() const override { return kept_->All(); }
  void Stop(std::string why, std::function<void()> done) override;

 private:
  const std::unique_ptr<Upstream> session_;
  const std::shared_ptr<KeptSubscriptions> kept_;
};

}  // namespace mcpbridge

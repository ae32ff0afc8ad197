#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "server/mcp/initialize.h"
#include "server/runtime/lane.h"
#include "server/upstream/server_era.h"
#include "server/upstream/upstream.h"
#include "server/upstream/view_subscriptions.h"

namespace mcpbridge {

// A server of the modern era as callers of the legacy one see it: each request says in `_meta` what
// the client said in `initialize`, what the server needs to know arrives as questions
// (ReplyHandler::OnRequest), and answers are without what only that era has. The client's log level
// is kept here, and what it has subscribed to. Thread-safe.
class LegacyView final : public Upstream {
 public:
  // `modern` outlives this and every exchange. Without a `client` the bridge speaks for itself, and
  // can be asked nothing.
  explicit LegacyView(Upstream& modern);
  LegacyView(Upstream& modern, const ClientProfile& client);
  // For a client that can subscribe to resources: what it is then told of goes to `unsolicited`, on
  // `home`, where the subscriptions are kept.
  LegacyView(Upstream& modern, const ClientProfile& client, Lane& home,
             const Unsolicited& unsolicited);

  Lane* home() override { return modern_.home(); }
  void Start() override {}
  Result<std::unique_ptr<Exchange>> Send(Lane& lane, UpstreamRequest request,
                                         ReplyHandler& handler) override;
  // That era has no notifications of clients.
  void Notify(std::string) override {}
  // Ends what is subscribed to; `modern` has an owner of its own.
  void Stop(std::string why, std::function<void()> done) override;

 private:
  Result<std::unique_ptr<Exchange>> SetLevel(Lane& lane, const UpstreamRequest& request,
                                             ReplyHandler& handler);
  Result<std::unique_ptr<Exchange>> SetSubscription(Lane& lane, const UpstreamRequest& request,
                                                    ReplyHandler& handler);

  Upstream& modern_;
  const std::string client_info_;                           // raw
  const std::string client_capabilities_;                   // raw
  const std::shared_ptr<ViewSubscriptions> subscriptions_;  // null: it can't have any
  std::mutex mutex_;
  std::string log_level_;  // empty: the client has set none, and gets no messages
};

// A server whose era turns out when it is asked: its legacy session while it speaks that era, else
// `view`. Thread-safe.
class EitherEra final : public Upstream {
 public:
  // `era` outlives this and every exchange.
  EitherEra(const ServerEra& era, std::unique_ptr<Upstream> legacy,
            std::unique_ptr<LegacyView> view);
  ~EitherEra() override;

  Lane* home() override { return legacy_->home(); }
  void Start() override { legacy_->Start(); }
  void Wake() override { legacy_->Wake(); }
  void Notify(std::string notification) override { legacy_->Notify(std::move(notification)); }
  Result<std::unique_ptr<Exchange>> Send(Lane& lane, UpstreamRequest request,
                                         ReplyHandler& handler) override;
  void Stop(std::string why, std::function<void()> done) override;

 private:
  const ServerEra& era_;
  const std::unique_ptr<Upstream> legacy_;
  const std::unique_ptr<LegacyView> view_;
};

}  // namespace mcpbridge

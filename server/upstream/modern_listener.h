#pragma once

#include <memory>
#include <optional>
#include <string>

#include "server/base/backoff.h"
#include "server/base/deadline.h"
#include "server/jsonrpc/message.h"
#include "server/mcp/subscriptions.h"
#include "server/runtime/deadline_queue.h"
#include "server/upstream/upstream.h"

namespace mcpbridge {

// What a server of MCP 2026-07-28 says outside of any call: one `subscriptions/listen`, opened
// again with backoff when it ends, as long as this lives. Lane-only.
class ModernListener final : private ReplyHandler, private DeadlineEntry {
 public:
  class Handler {
   public:
    // The server has acknowledged the subscription, for the first time or `again`: what it had to
    // say in between is lost. `accepted`: what it will tell of. The listener may be destroyed in
    // here.
    virtual void OnListening(ModernListener& listener, const ListenFor& accepted, bool again) = 0;
    // A notification other than that. The listener must not be destroyed in here.
    virtual void OnHeard(ModernListener& listener, jsonrpc::Message& message) = 0;
    // The server doesn't begin to listen: this listener is done, and may be destroyed in here.
    virtual void OnRefused(ModernListener& listener, const Error& error) = 0;

   protected:
    ~Handler() = default;
  };

  // `params`: raw, whole. `modern` and `lane` outlive this.
  ModernListener(Upstream& modern, Lane& lane, std::string params, Handler& handler);
  ~ModernListener() override;

  // Once. An error: it can't be sent, the handler isn't called.
  std::optional<Error> Open();

 private:
  void OnNotification(jsonrpc::Message& message) override;
  void OnReply(Result<jsonrpc::Message> message) override;
  void OnDeadline() override;
  std::optional<Error> Send();
  void OnAcknowledged(jsonrpc::Message& message);
  void OnEnd(const Error& error);

  Upstream& modern_;
  Lane& lane_;
  const std::string params_;
  Handler& handler_;
  std::unique_ptr<Exchange> exchange_;
  bool acknowledged_ = false;  // by the stream there is now
  bool ever_ = false;          // by any
  Deadline::Clock::time_point since_;
  Backoff backoff_;
  const std::shared_ptr<ModernListener*> alive_ = std::make_shared<ModernListener*>(this);
};

}  // namespace mcpbridge

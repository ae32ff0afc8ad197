#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "server/frontend/mcp/mcp_call.h"
#include "server/frontend/mcp/reply.h"
#include "server/runtime/deadline_queue.h"
#include "server/service/routed_call.h"
#include "server/service/subscription.h"

namespace mcpbridge {

// A subscriptions/listen of MCP 2026-07-28. Where one server is in its scope, and speaks that
// version, it is that server's own to answer; otherwise it is one stream for all of them, the
// bridge's own. Lane-only.
class ListenCall final : public McpCall,
                         private RoutedCall::Handler,
                         private Subscription::Handler,
                         private DeadlineEntry {
 public:
  // `service` has let it in (EnterSubscription()); this gives its place back.
  ListenCall(ToolService& service, Lane& lane, Reply& reply);
  ~ListenCall() override;

  void Start(CallRequest request);

  bool can_be_cancelled() const override { return true; }
  void CancelByCaller() override;
  bool CompleteIfEndless() override;
  void OnDrained() override;

 private:
  struct Alive {
    ListenCall* call;
  };

  void StartMerged();
  void OnServersChanged();
  void OnCallEnd(Result<jsonrpc::Message> message) override;
  void OnCallNotification(std::string_view method, std::string params) override;
  void OnSubscribed() override;
  void OnEvent() override { Pump(); }
  void OnBridgeStops() override { End(); }
  void OnDeadline() override { End(); }
  void Pump();
  void Tell(std::string_view method, std::string_view params);
  void End();
  void Fail(const Error& error);

  ToolService& service_;
  Lane& lane_;
  Reply& reply_;
  Scope scope_;
  std::string params_;  // raw
  Headers forwarded_;
  Deadline deadline_;  // the caller's own
  std::optional<RoutedCall> passed_on_;
  std::uint64_t number_ = 0;  // in Subscriptions, while it is passed on; 0: not there
  std::optional<Subscription> merged_;
  bool acknowledged_ = false;
  bool busy_ = false;  // something is being written
  const std::shared_ptr<Alive> alive_ = std::make_shared<Alive>(Alive{this});
};

}  // namespace mcpbridge

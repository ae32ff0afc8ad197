#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/frontend/mcp/mcp_call.h"
#include "server/frontend/mcp/reply.h"
#include "server/mcp/tasks.h"
#include "server/service/routed_call.h"

namespace mcpbridge {

// A request that one server answers. Lane-only.
class ForwardedCall final : public McpCall, private RoutedCall::Handler {
 public:
  // `service` has let the call in (Enter()); this gives its place back. `session` null: the caller
  // has none, and can't be asked anything.
  ForwardedCall(ToolService& service, Lane& lane, Reply& reply,
                std::shared_ptr<ClientSession> session);
  ~ForwardedCall() override;

  void Start(CallRequest request);

  bool can_be_cancelled() const override { return true; }
  void CancelByCaller() override;

 private:
  void Finish(jsonrpc::Message& message);
  void Deliver(TaskPlace place, std::string_view result);
  void OnCallEnd(Result<jsonrpc::Message> message) override;
  void OnCallNotification(std::string_view method, std::string params) override;
  bool OnCallRequest(std::string_view id, std::string_view method,
                     std::string_view params) override;
  // What the server does, the bridge does: its client comes back as well.
  void OnCallBrokenOff(std::chrono::milliseconds retry) override { reply_.SendAway(retry); }

  // What an answer of the client's needs to know whether its call is still there.
  struct Alive {
    ForwardedCall* call;
  };

  ToolService& service_;
  Lane& lane_;
  Reply& reply_;
  const std::shared_ptr<ClientSession> session_;
  CallMethod method_ = CallMethod::kCallTool;
  bool asks_for_task_ = false;
  const std::shared_ptr<Alive> alive_ = std::make_shared<Alive>(Alive{this});
  std::vector<std::string> questions_;  // asked in the course of this call
  std::optional<RoutedCall> call_;
};

}  // namespace mcpbridge

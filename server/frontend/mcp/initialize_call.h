#pragma once

#include <memory>
#include <string>
#include <vector>

#include "server/frontend/mcp/mcp_call.h"
#include "server/frontend/mcp/reply.h"
#include "server/mcp/initialize.h"
#include "server/mcp/tasks.h"
#include "server/service/client_session.h"
#include "server/service/tool_service.h"

namespace mcpbridge {

// An `initialize`: opens a client's session, and answers with what its servers can do. Waits a
// moment for those that are still connecting. Lane-only.
class InitializeCall final : public McpCall {
 public:
  // `service` has let the call in (Enter()); this gives its place back.
  InitializeCall(ToolService& service, ClientSessions& sessions, Reply& reply,
                 ClientProfile profile);
  ~InitializeCall() override;

  void Start(Lane& lane, const Scope& scope);

 private:
  struct Alive {
    InitializeCall* call;
  };
  void Answer();
  TaskUse TasksOf(const UpstreamStatus& status, Isolation isolation) const;

  ToolService& service_;
  ClientSessions& sessions_;
  Reply& reply_;
  ClientProfile profile_;
  Scope scope_;
  std::vector<std::size_t> servers_;  // those the client will reach
  const std::shared_ptr<Alive> alive_ = std::make_shared<Alive>(Alive{this});
};

}  // namespace mcpbridge

#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "server/frontend/http/http_call.h"
#include "server/mcp/initialize.h"
#include "server/service/client_session.h"
#include "server/service/tool_service.h"

namespace mcpbridge {

inline constexpr std::string_view kSessionHeader = "Mcp-Session-Id";

// An `initialize`: opens a client's session, and answers with what its servers can do. Waits a
// moment for those that are still connecting. Lane-only.
class HttpInitializeCall final : public HttpCall {
 public:
  // `service` has let the call in (Enter()); this gives its place back. `id` is raw JSON.
  HttpInitializeCall(ToolService& service, ClientSessions& sessions, HttpResponder& responder,
                     std::string id, ClientProfile profile);
  ~HttpInitializeCall() override;

  // Before Start(): who else is told of the session.
  using Opened = std::function<void(std::shared_ptr<ClientSession>)>;
  void WhenOpened(Opened opened) { opened_ = std::move(opened); }

  void Start(Lane& lane, const Scope& scope);

 private:
  struct Alive {
    HttpInitializeCall* call;
  };
  void Answer();

  ToolService& service_;
  ClientSessions& sessions_;
  HttpResponder& responder_;
  const std::string id_;
  ClientProfile profile_;
  Scope scope_;
  Opened opened_;
  std::vector<std::string> servers_;  // those the client will reach
  std::vector<bool> can_subscribe_;   // by servers_: to their resources
  const std::shared_ptr<Alive> alive_ = std::make_shared<Alive>(Alive{this});
};

}  // namespace mcpbridge

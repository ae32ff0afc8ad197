#pragma once

#include <memory>
#include <optional>

#include "server/base/deadline.h"
#include "server/base/error.h"
#include "server/frontend/mcp/mcp_call.h"
#include "server/frontend/mcp/reply.h"
#include "server/jsonrpc/message.h"
#include "server/mcp/call_params.h"
#include "server/mcp/mirrored_headers.h"
#include "server/routing/list_kind.h"
#include "server/routing/scope.h"
#include "server/runtime/lane.h"
#include "server/service/client_session.h"
#include "server/service/tool_service.h"

namespace mcpbridge {

// One JSON-RPC message, and what its front knows of whoever sent it.
struct IncomingMessage {
  Lane& lane;  // where it is worked on
  jsonrpc::Message& message;
  Scope scope;                             // the servers it may reach
  std::shared_ptr<ClientSession> session;  // null: its sender has none
  bool modern = false;                     // of MCP 2026-07-28
  Result<Deadline> deadline;               // its sender's own; an error, if it can't be read
  CallerHeaders& headers;
  // Headers that repeat what the message says; null: the front has none, and servers that want them
  // get those that RoutedCall makes.
  const RequestHeaders* mirrored = nullptr;
  // Those of them that are for the arguments of a tool, as they were sent.
  Headers param_headers = {};
  Front front = Front::kHttp;  // how it came
};

// What a JSON-RPC message of a client's leads to, whichever way it came and its answer goes. Owned
// by a front; used on every lane.
class Dispatcher {
 public:
  Dispatcher(ToolService& service, ClientSessions& sessions)
      : service_(service), sessions_(sessions) {}

  // A request. It is answered through `reply`, at once, or by the call that is returned, which may
  // be null if it was. `reply` outlives the call. On the message's lane.
  std::unique_ptr<McpCall> Dispatch(IncomingMessage request, Reply& reply);

  // A notification, or an answer to a server's question. Which call notifications/cancelled is
  // about, its front knows.
  void Take(const IncomingMessage& message);

 private:
  std::unique_ptr<McpCall> Initialize(IncomingMessage& request, Reply& reply);
  std::unique_ptr<McpCall> Discover(IncomingMessage& request, Reply& reply);
  std::unique_ptr<McpCall> List(ListKind kind, IncomingMessage& request, Reply& reply);
  std::unique_ptr<McpCall> Forward(CallMethod method, IncomingMessage& request, Reply& reply);
  void Refuse(const IncomingMessage& request, Reply& reply, const Error& error);
  std::shared_ptr<CatalogueView> ViewOf(const IncomingMessage& request) const;
  std::optional<Error> CheckParamHeaders(const IncomingMessage& request,
                                         const CallParams& params) const;

  ToolService& service_;
  ClientSessions& sessions_;
};

}  // namespace mcpbridge

#pragma once

#include <memory>
#include <vector>

#include "server/frontend/http/cancel_registry.h"
#include "server/frontend/http/http_connection.h"
#include "server/frontend/http/http_reply.h"
#include "server/frontend/http/lone_calls.h"
#include "server/frontend/http/sse_channel.h"
#include "server/frontend/mcp/dispatcher.h"
#include "server/jsonrpc/message.h"
#include "server/routing/scope.h"
#include "server/runtime/executor.h"
#include "server/service/client_session.h"
#include "server/service/tool_service.h"

namespace mcpbridge {

// What comes of the JSON-RPC messages that are posted, whatever path they were posted to. Owned by
// McpEndpoint; used on every lane.
class HttpMessages {
 public:
  using Request = HttpHandler::Request;

  // One message that was posted, on its way through.
  struct Post {
    Lane& lane;
    const Request& request;
    HttpResponder& responder;
    Scope scope;
    jsonrpc::Message message;
    std::shared_ptr<ClientSession> session;    // null: it names none
    bool modern = false;                       // of MCP 2026-07-28
    std::shared_ptr<SseChannel> channel = {};  // null: it is answered where it was posted
  };

  // What one lane keeps between requests.
  struct PerLane {
    jsonrpc::Parser parser;
    CancelRegistry cancels;
    LoneCalls lone_calls;

    explicit PerLane(Lane& lane) : lone_calls(lane) {}
  };

  HttpMessages(ToolService& service, ClientSessions& sessions, Executor& executor);

  PerLane& Of(const Lane& lane) { return *lanes_[static_cast<std::size_t>(lane.index())]; }

  // Answers `post`, at once or when what it returns has come to its end. On its lane.
  std::unique_ptr<HttpCall> Dispatch(Post& post);

 private:
  HttpReply::Caller CallerOf(const Post& post);
  void Cancel(Post& post);

  ClientSessions& sessions_;
  Executor& executor_;
  Dispatcher dispatcher_;
  std::vector<std::unique_ptr<PerLane>> lanes_;
};

}  // namespace mcpbridge

#pragma once

#include <memory>

#include "server/frontend/http/http_call.h"
#include "server/frontend/http/http_messages.h"
#include "server/frontend/http/http_path.h"
#include "server/frontend/http/sse_channel.h"
#include "server/runtime/executor.h"
#include "server/service/client_session.h"
#include "server/service/tool_service.h"

namespace mcpbridge {

// MCP over HTTP+SSE, the transport of 2024-11-05: an event stream that is GET, and posts whose
// answers come on it. Owned by McpEndpoint; used on every lane.
class SseEndpoint {
 public:
  using Request = HttpHandler::Request;

  SseEndpoint(ToolService& service, ClientSessions& sessions, Executor& executor,
              HttpMessages& messages)
      : service_(service), sessions_(sessions), executor_(executor), messages_(messages) {}

  // A request to /sse, or to a path that names servers: opens a stream. On `lane`.
  std::unique_ptr<HttpCall> Open(Lane& lane, const Request& request, HttpResponder& responder,
                                 const HttpPath& path);

  // One to kSseMessagesPath. On `lane`.
  void Take(Lane& lane, Request& request, HttpResponder& responder);

 private:
  void OnEnd(SseChannel& channel);

  ToolService& service_;
  ClientSessions& sessions_;
  Executor& executor_;
  HttpMessages& messages_;
  SseChannels channels_;
};

}  // namespace mcpbridge

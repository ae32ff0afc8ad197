#pragma once

#include <memory>
#include <optional>
#include <string>

#include "server/frontend/http/http_connection.h"
#include "server/frontend/http/http_messages.h"
#include "server/frontend/http/http_path.h"
#include "server/frontend/http/sse_endpoint.h"
#include "server/jsonrpc/message.h"
#include "server/runtime/executor.h"
#include "server/service/client_session.h"
#include "server/service/tool_service.h"

namespace mcpbridge {

// MCP over streamable HTTP, both eras, told request by request (mcp/modern.h). In the legacy era a
// POST needs no session; one that names a session is part of it, and goes on when its connection is
// lost. Owned by HttpFrontend; used on every lane.
class McpEndpoint final : public HttpHandler {
 public:
  McpEndpoint(ToolService& service, ClientSessions& sessions, Executor& executor);
  ~McpEndpoint();

  std::unique_ptr<HttpCall> Handle(Lane& lane, Request& request, HttpResponder& responder) override;
  void OnCallerGone(Lane& lane, std::unique_ptr<HttpCall> call) override;
  std::string HeadersOf(const Request& request) const override;
  void OnRefused(Reason reason) override { service_.observer().Refused(Front::kHttp, reason); }

  // Ends the calls that go on without a connection. On `lane`.
  void EndLoneCalls(Lane& lane) { messages_.Of(lane).lone_calls.EndAll(); }

 private:
  static std::optional<Error> CheckPost(const Request& request);
  std::unique_ptr<HttpCall> OpenStream(Lane& lane, const Request& request,
                                       HttpResponder& responder);
  void CloseSession(const Request& request, HttpResponder& responder);
  std::unique_ptr<HttpCall> HandleMcp(Lane& lane, Request& request, HttpResponder& responder,
                                      const HttpPath& path);
  std::unique_ptr<HttpCall> HandleBatch(Lane& lane, const Request& request,
                                        HttpResponder& responder, const Scope& scope,
                                        jsonrpc::Text body);
  std::unique_ptr<HttpCall> DispatchPart(HttpMessages::Post post, std::string text);

  ToolService& service_;
  ClientSessions& sessions_;
  HttpMessages messages_;
  SseEndpoint sse_;
};

}  // namespace mcpbridge

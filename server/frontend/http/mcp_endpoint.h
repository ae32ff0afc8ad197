#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/frontend/http/cancel_registry.h"
#include "server/frontend/http/http_connection.h"
#include "server/frontend/http/lone_calls.h"
#include "server/frontend/http/reply.h"
#include "server/frontend/http/sse_channel.h"
#include "server/jsonrpc/message.h"
#include "server/mcp/call_params.h"
#include "server/runtime/executor.h"
#include "server/service/client_session.h"
#include "server/service/tool_service.h"

namespace mcpbridge {

// Where a path leads.
struct HttpPath {
  enum class Kind { kUnknown, kMcp, kSse, kSseMessages, kHealthz, kReadyz };
  Kind kind = Kind::kUnknown;
  // With kMcp, decoded: what it names, servers or access groups by commas; empty: nothing.
  std::string names;

  // /mcp, /mcp/, /mcp/{names}, /{names}/mcp, each with or without a slash at the end; the query is
  // ignored.
  static HttpPath Parse(std::string_view target);
};

// MCP over streamable HTTP, both eras, told request by request (mcp/modern.h). In the legacy era a
// POST needs no session; one that names a session is part of it, and goes on when its connection is
// lost. Owned by HttpFrontend; used on
// every lane.
class McpEndpoint final : public HttpHandler {
 public:
  McpEndpoint(ToolService& service, ClientSessions& sessions, Executor& executor);
  ~McpEndpoint();

  std::unique_ptr<HttpCall> Handle(Lane& lane, Request& request, HttpResponder& responder) override;
  void OnCallerGone(Lane& lane, std::unique_ptr<HttpCall> call) override;
  std::string HeadersOf(const Request& request) const override;

  // Ends the calls that go on without a connection. On `lane`.
  void EndLoneCalls(Lane& lane) { Of(lane).lone_calls.EndAll(); }

 private:
  // What one lane keeps between requests.
  struct PerLane {
    jsonrpc::Parser parser;
    CancelRegistry cancels;
    LoneCalls lone_calls;

    explicit PerLane(Lane& lane) : lone_calls(lane) {}
  };
  // One POST to an MCP path, on its way through.
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

  std::optional<Error> CheckCaller(const Request& request) const;
  std::optional<HttpResponse> PreflightAnswer(const Request& request,
                                              const std::optional<Error>& refused) const;
  static std::optional<Error> CheckPost(const Request& request);
  std::unique_ptr<HttpCall> OpenStream(Lane& lane, const Request& request,
                                       HttpResponder& responder);
  std::unique_ptr<HttpCall> OpenChannel(Lane& lane, const Request& request,
                                        HttpResponder& responder, const HttpPath& path);
  void OnChannelEnd(SseChannel& channel);
  void HandleChannelPost(Lane& lane, Request& request, HttpResponder& responder);
  void CloseSession(const Request& request, HttpResponder& responder);
  std::unique_ptr<HttpCall> HandleMcp(Lane& lane, Request& request, HttpResponder& responder,
                                      const HttpPath& path);
  std::unique_ptr<HttpCall> HandleBatch(Lane& lane, const Request& request,
                                        HttpResponder& responder, const Scope& scope,
                                        jsonrpc::Text body);
  Result<std::vector<std::string>> ReadBatch(Lane& lane, jsonrpc::Text& body,
                                             std::string_view version);
  std::unique_ptr<HttpCall> DispatchPart(Post post, std::string text);
  std::unique_ptr<HttpCall> Dispatch(Post& post);
  std::unique_ptr<HttpCall> Initialize(Post& post);
  std::unique_ptr<HttpCall> Discover(Post& post);
  static Reply ReplyTo(const Post& post);
  std::optional<Error> CheckParamHeaders(const Post& post, const CallParams& params);
  std::unique_ptr<HttpCall> List(ListKind kind, Post& post);
  std::unique_ptr<HttpCall> RouteCall(CallMethod method, Post& post);
  void Cancel(Post& post);
  PerLane& Of(const Lane& lane) { return *lanes_[static_cast<std::size_t>(lane.index())]; }

  ToolService& service_;
  ClientSessions& sessions_;
  Executor& executor_;
  SseChannels channels_;
  std::vector<std::unique_ptr<PerLane>> lanes_;
};

}  // namespace mcpbridge

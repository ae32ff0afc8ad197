#include "examples/demo_server/mcp_endpoint.h"

#include <array>
#include <utility>

namespace mcpbridge::demo {
namespace {

// JSON-RPC 2.0's codes, and the two that MCP's SDKs use for faults of a session.
constexpr int kParseError = -32700;
constexpr int kInvalidRequest = -32600;
constexpr int kMethodNotFound = -32601;
constexpr int kInvalidParams = -32602;
constexpr int kNoSession = -32000;
constexpr int kUnknownSession = -32001;

constexpr std::string_view kNewestVersion = "2025-11-25";

Outcome Answered(int http_status = 200) { return {.http_status = http_status}; }
Outcome Accepted() { return {.kind = Outcome::Kind::kAccepted, .http_status = 202}; }

}  // namespace

bool IsKnownVersion(std::string_view version) {
  constexpr std::array<std::string_view, 4> kVersions = {"2025-11-25", "2025-06-18", "2025-03-26",
                                                         "2024-11-05"};
  for (const std::string_view known : kVersions) {
    if (version == known) return true;
  }
  return false;
}

void WriteResult(std::string& out, std::string_view id, std::string_view raw_result) {
  out = R"({"jsonrpc":"2.0","id":)";
  out.append(id).append(R"(,"result":)").append(raw_result).append("}");
}

void WriteError(std::string& out, std::string_view id, int code, std::string_view text) {
  out = R"({"jsonrpc":"2.0",)";
  if (!id.empty()) out.append(R"("id":)").append(id).append(",");
  out.append(R"("error":{"code":)").append(std::to_string(code));
  out.append(R"(,"message":")").append(text).append("\"}}");
}

Outcome McpEndpoint::Handle(std::string& text, const std::string& session, bool with_sessions,
                            CallSink& sink, std::string& reply) {
  ReservePadding(text);
  RpcMessage message;
  if (const auto error = reader_.ReadMessage(text, message)) {
    const bool bad_json = *error == ReadError::kInvalidJson;
    WriteError(reply, {}, bad_json ? kParseError : kInvalidRequest,
               bad_json ? "Parse error" : "Invalid Request: one JSON-RPC 2.0 object is needed");
    return Answered(400);
  }
  shared_.stats.CountRequest(message.method);
  if (message.method == "initialize" && !message.id.empty()) {
    return Initialize(message, with_sessions, reply);
  }
  if (with_sessions && session.empty()) {
    WriteError(reply, message.id, kNoSession, "Bad Request: Mcp-Session-Id is needed");
    return Answered(400);
  }
  if (with_sessions && !shared_.sessions.IsOpen(session)) {
    WriteError(reply, message.id, kUnknownSession, "Session not found");
    return Answered(404);
  }
  if (message.id.empty() || message.method.empty()) return Notified(message, session);
  if (message.method == "tools/call") return CallTool(message, session, sink, reply);
  if (message.method == "tools/list") {
    WriteResult(reply, message.id, shared_.tool_list);
  } else if (message.method == "ping") {
    WriteResult(reply, message.id, "{}");
  } else {
    WriteError(reply, message.id, kMethodNotFound, "Method not found");
  }
  return Answered();
}

Outcome McpEndpoint::Initialize(const RpcMessage& message, bool with_sessions, std::string& reply) {
  const auto version = reader_.String(message.params, "protocolVersion");
  if (!version) {
    WriteError(reply, message.id, kInvalidParams, "protocolVersion must be a string");
    return Answered();
  }
  result_ = R"({"protocolVersion":")";
  result_.append(IsKnownVersion(*version) ? *version : kNewestVersion);
  result_.append(R"(","capabilities":{"tools":{"listChanged":false}},)"
                 R"("serverInfo":{"name":"mcp-demo-server","version":"0.1.0"}})");
  WriteResult(reply, message.id, result_);
  Outcome outcome = Answered();
  if (with_sessions) {
    outcome.session_opened = shared_.sessions.Open();
    shared_.stats.sessions_opened.fetch_add(1, std::memory_order_relaxed);
  }
  return outcome;
}

Outcome McpEndpoint::Notified(const RpcMessage& message, const std::string& session) {
  if (message.method != "notifications/cancelled") return Accepted();
  const auto id = reader_.RawScalar(message.params, "requestId");
  const bool matched = id && shared_.calls.Cancel({session, std::string(*id)});
  (matched ? shared_.stats.cancelled_calls : shared_.stats.cancels_unmatched)
      .fetch_add(1, std::memory_order_relaxed);
  return Accepted();
}

Outcome McpEndpoint::CallTool(const RpcMessage& message, const std::string& session, CallSink& sink,
                              std::string& reply) {
  const auto call = reader_.ReadCallParams(message.params);
  if (!call) {
    WriteError(reply, message.id, kInvalidParams, "Invalid params of tools/call");
    return Answered();
  }
  const ToolPlan plan =
      PlanTool(*call, reader_, shared_.options.my_tool_time, shared_.stats, result_);
  if (!plan.known) {
    WriteError(reply, message.id, kInvalidParams, "Unknown tool");
    return Answered();
  }
  if (plan.steps == 0) {
    WriteResult(reply, message.id, result_);
    return Answered();
  }
  auto running =
      std::make_shared<RunningCall>(io_, shared_.calls, RunningCall::Key(session, message.id), plan,
                                    std::move(result_), std::string(call->progress_token), sink);
  running->Start();
  return {.kind = Outcome::Kind::kRunning, .call = std::move(running)};
}

}  // namespace mcpbridge::demo

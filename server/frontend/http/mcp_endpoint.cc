#include "server/frontend/http/mcp_endpoint.h"

#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <utility>

#include "server/base/log.h"
#include "server/frontend/http/guards.h"
#include "server/frontend/http/http_tool_call.h"
#include "server/mcp/initialize.h"

namespace mcpbridge {

namespace http = boost::beast::http;

namespace {

constexpr std::string_view kSessionHeader = "Mcp-Session-Id";

// 128 random bits, in hex. It names its holder's calls in notifications/cancelled, and nothing else
// hangs on it: the bridge keeps no state for it, so it can't be lost.
std::string NewSessionId() {
  static constexpr char kHex[] = "0123456789abcdef";
  std::array<unsigned char, 16> bits;
  if (RAND_bytes(bits.data(), static_cast<int>(bits.size())) != 1) return {};
  std::string id;
  for (const unsigned char byte : bits) {
    id.push_back(kHex[byte >> 4]);
    id.push_back(kHex[byte & 0xf]);
  }
  return id;
}

HttpResponse Accepted() { return {.status = 202}; }

// Who isn't let in isn't read either.
bool IsAboutTheCaller(Reason reason) {
  return reason == Reason::kHostNotAllowed || reason == Reason::kOriginNotAllowed ||
         reason == Reason::kUnauthenticated;
}

Error NotFound(std::string_view target) {
  return Error{.reason = Reason::kPathNotFound,
               .message = "there is nothing at " + std::string(target.substr(0, 200)) +
                          "; MCP is at /mcp, /mcp/{server} and /{server}/mcp"};
}

}  // namespace

HttpPath HttpPath::Parse(std::string_view target) {
  std::string_view path = target.substr(0, target.find('?'));
  if (path == "/healthz") return {.kind = Kind::kHealthz, .server = {}};
  if (path == "/readyz") return {.kind = Kind::kReadyz, .server = {}};
  if (path.ends_with('/')) path.remove_suffix(1);
  if (path == "/mcp") return {.kind = Kind::kMcp, .server = {}};
  static constexpr std::string_view kMcp = "/mcp";
  std::string_view server;
  if (path.starts_with("/mcp/")) {
    server = path.substr(kMcp.size() + 1);
  } else if (path.ends_with(kMcp) && path.size() > kMcp.size() + 1) {
    server = path.substr(1, path.size() - kMcp.size() - 1);
  }
  if (server.empty() || server.find('/') != std::string_view::npos) return {};
  return {.kind = Kind::kMcp, .server = std::string(server)};
}

McpEndpoint::McpEndpoint(ToolService& service, Executor& executor)
    : service_(service), executor_(executor) {
  for (int i = 0; i < executor.lane_count(); ++i) lanes_.push_back(std::make_unique<PerLane>());
}

std::unique_ptr<HttpCall> McpEndpoint::Handle(Lane& lane, Request& request,
                                              HttpResponder& responder) {
  HttpPath path = HttpPath::Parse(request.target());
  switch (path.kind) {
    case HttpPath::Kind::kUnknown:
      responder.Respond(HttpResponse::FromError("", NotFound(request.target())));
      return nullptr;
    case HttpPath::Kind::kHealthz:
      responder.Respond({.content_type = "text/plain", .body = "ok\n"});
      return nullptr;
    case HttpPath::Kind::kReadyz: {
      const bool serving = service_.status().serving();
      responder.Respond({.status = serving ? 200u : 503u,
                         .content_type = "text/plain",
                         .body = serving ? "serving\n" : "not serving\n"});
      return nullptr;
    }
    case HttpPath::Kind::kMcp:
      return HandleMcp(lane, request, responder, std::move(path));
  }
  return nullptr;
}

// The order is that of the SDKs' servers: who may come in at all, then what they bring.
std::optional<Error> McpEndpoint::Check(const Request& request, const HttpPath& path) const {
  const BridgeConfig& config = service_.config().bridge;
  if (auto error = CheckHost(request, config)) return error;
  if (auto error = CheckOrigin(request, config)) return error;
  if (!service_.Authorized(HttpCallerHeaders(request))) {
    return Error{.reason = Reason::kUnauthenticated,
                 .message =
                     "the bridge needs its key: Authorization: Bearer KEY, or"
                     " x-litellm-api-key: KEY"};
  }
  if (!path.server.empty()) {
    const auto& servers = service_.config().servers;
    const bool known = std::any_of(servers.begin(), servers.end(), [&](const ServerConfig& server) {
      return server.name == path.server;
    });
    if (!known) {
      return Error{.reason = Reason::kServerNotFound,
                   .message = "MCP server '" + path.server.substr(0, 100) + "' not found",
                   .metadata = {{"server", path.server.substr(0, 100)}}};
    }
  }
  if (request.method() != http::verb::post) {
    return Error{.reason = Reason::kMethodNotAllowed,
                 .message = "only POST is served here: no stream for server messages, no sessions"};
  }
  if (auto error = CheckMediaTypes(request)) return error;
  return CheckVersion(request);
}

std::unique_ptr<HttpCall> McpEndpoint::HandleMcp(Lane& lane, Request& request,
                                                 HttpResponder& responder, HttpPath path) {
  const std::optional<Error> refused = Check(request, path);
  if (refused && IsAboutTheCaller(refused->reason)) {
    responder.Respond(HttpResponse::FromError("", *refused));
    return nullptr;
  }
  jsonrpc::Text body(std::move(request.body()));
  jsonrpc::Parser& parser = Of(lane).parser;
  std::string_view id;
  Result<jsonrpc::Message> message = jsonrpc::Parse(parser, body, &id);
  if (refused || !message) {  // an error names its request wherever the body does
    responder.Respond(HttpResponse::FromError(id, refused ? *refused : message.error()));
    return nullptr;
  }
  Post post{.lane = lane,
            .request = request,
            .responder = responder,
            .path = std::move(path),
            .message = *message};
  std::unique_ptr<HttpCall> call = Dispatch(post);
  parser.Trim();
  return call;
}

std::unique_ptr<HttpCall> McpEndpoint::Dispatch(Post& post) {
  const jsonrpc::Message& message = post.message;
  if (message.kind == jsonrpc::Kind::kNotification) {
    if (message.method == "notifications/cancelled") Cancel(post);
    post.responder.Respond(Accepted());
    return nullptr;
  }
  if (message.kind != jsonrpc::Kind::kRequest) {
    post.responder.Respond(Accepted());  // an answer, though the bridge asks nothing: dropped
    return nullptr;
  }
  if (message.method == "tools/call") return CallTool(post);
  if (message.method == "tools/list") return ListTools(post);
  if (message.method == "ping") {
    post.responder.Respond({.body = jsonrpc::ResultMessage(message.id, "{}")});
  } else if (message.method == "initialize") {
    Initialize(post);
  } else {
    const Error error{.reason = Reason::kMethodNotFound,
                      .message = "Method not found: " + std::string(message.method.substr(0, 100))};
    post.responder.Respond(HttpResponse::FromError(message.id, error));
  }
  return nullptr;
}

void McpEndpoint::Initialize(Post& post) {
  const std::string id(post.message.id);
  std::string_view version;
  if (post.message.params.empty() ||
      jsonrpc::ParamsValue(post.message)["protocolVersion"].get_string().get(version)) {
    const Error error{.reason = Reason::kInvalidArguments,
                      .message = "params.protocolVersion, a string, is missing"};
    post.responder.Respond(HttpResponse::FromError(id, error));
    return;
  }
  post.responder.Respond({.body = jsonrpc::ResultMessage(id, InitializeAnswer(version)),
                          .headers = std::string(kSessionHeader) + ": " + NewSessionId() + "\r\n"});
}

std::unique_ptr<HttpCall> McpEndpoint::ListTools(Post& post) {
  const std::string id(post.message.id);
  const Result<Deadline> deadline = CallerDeadline(post.request);
  std::optional<Error> error;
  if (!deadline) error = deadline.error();
  std::string_view cursor;
  if (!post.message.params.empty() &&
      jsonrpc::ParamsValue(post.message)["cursor"].get_string().get(cursor)) {
    cursor = {};
  }
  if (!error) error = service_.Enter();
  if (error) {
    post.responder.Respond(HttpResponse::FromError(id, *error));
    return nullptr;
  }
  constexpr std::chrono::seconds kListTime{10};  // the longest that one slow server holds a list up
  auto call = std::make_unique<HttpListCall>(service_, post.responder, id, ListKind::kTools);
  call->Start(post.lane, post.path.server, cursor, Min(*deadline, Deadline::After(kListTime)));
  return call;
}

std::unique_ptr<HttpCall> McpEndpoint::CallTool(Post& post) {
  std::string id(post.message.id);
  const Result<Deadline> deadline = CallerDeadline(post.request);
  Result<CallParams> params = ParseCallParams(post.message);
  std::optional<Error> error;
  if (!deadline) {
    error = deadline.error();
  } else if (!params) {
    error = params.error();
  } else {
    error = service_.Enter();
  }
  if (error) {
    post.responder.Respond(HttpResponse::FromError(id, *error));
    return nullptr;
  }
  auto call =
      std::make_unique<HttpToolCall>(service_, post.lane, post.responder, Of(post.lane).cancels,
                                     std::move(id), post.request[kSessionHeader]);
  HttpCallerHeaders headers(post.request);
  call->Start(ToolCallRequest{.server = std::move(post.path.server),
                              .params = *std::move(params),
                              .deadline = *deadline,
                              .headers = headers});
  return call;
}

// The call may be on any lane.
void McpEndpoint::Cancel(Post& post) {
  const std::string session(post.request[kSessionHeader]);
  if (session.empty() || post.message.params.empty()) return;
  auto value = jsonrpc::ParamsValue(post.message)["requestId"];
  std::string_view raw;
  if (value.raw_json_token().get(raw)) return;
  const std::string key = CancelRegistry::Key(session, jsonrpc::TrimEnd(raw));
  for (int i = 0; i < executor_.lane_count(); ++i) {
    Lane& lane = executor_.lane(i);
    lane.Dispatch([this, &lane, key] { Of(lane).cancels.Cancel(key); });
  }
}

}  // namespace mcpbridge

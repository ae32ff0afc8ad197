#include "server/frontend/http/mcp_endpoint.h"

#include <utility>

#include "server/frontend/http/batch_request.h"
#include "server/frontend/http/cors.h"
#include "server/frontend/http/guards.h"
#include "server/frontend/http/http_batch_call.h"
#include "server/frontend/http/http_reply.h"
#include "server/frontend/http/http_stream_call.h"
#include "server/mcp/modern.h"

namespace mcpbridge {

namespace http = boost::beast::http;

namespace {

// Who isn't let in isn't read either.
bool IsAboutTheCaller(Reason reason) {
  return reason == Reason::kHostNotAllowed || reason == Reason::kOriginNotAllowed ||
         reason == Reason::kUnauthenticated;
}

Error NotFound(std::string_view target) {
  return Error{.reason = Reason::kPathNotFound,
               .message = "there is nothing at " + std::string(target.substr(0, 200)) +
                          "; MCP is at /mcp, /mcp/{server} and /{server}/mcp, where {server} may be"
                          " several, by commas, or an access group"};
}

}  // namespace

McpEndpoint::McpEndpoint(ToolService& service, ClientSessions& sessions, Executor& executor)
    : service_(service),
      sessions_(sessions),
      messages_(service, sessions, executor),
      sse_(service, sessions, executor, messages_) {}

McpEndpoint::~McpEndpoint() = default;

void McpEndpoint::OnCallerGone(Lane& lane, std::unique_ptr<HttpCall> call) {
  if (call->outlives_connection()) messages_.Of(lane).lone_calls.Keep(std::move(call));
}

std::unique_ptr<HttpCall> McpEndpoint::Handle(Lane& lane, Request& request,
                                              HttpResponder& responder) {
  const HttpPath path = HttpPath::Parse(request.target());
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
      return HandleMcp(lane, request, responder, path);
    case HttpPath::Kind::kSse:
      return sse_.Open(lane, request, responder, path);
    case HttpPath::Kind::kSseMessages:
      sse_.Take(lane, request, responder);
      return nullptr;
  }
  return nullptr;
}

std::string McpEndpoint::HeadersOf(const Request& request) const {
  return CorsHeaders(request, service_.config().bridge);
}

std::optional<Error> McpEndpoint::CheckPost(const Request& request) {
  if (request.method() != http::verb::post) {
    return Error{.reason = Reason::kMethodNotAllowed,
                 .message = "only POST is served here, and GET and DELETE for a session"};
  }
  return CheckMediaTypes(request);
}

// Without a session there is no stream: 405 is what all clients take for that.
std::unique_ptr<HttpCall> McpEndpoint::OpenStream(Lane& lane, const Request& request,
                                                  HttpResponder& responder) {
  std::optional<Error> error = CheckVersion(request);
  if (!error && !TakesEvents(request)) {
    error = Error{.reason = Reason::kNotAcceptable,
                  .message = "GET is answered with an event stream: Accept: text/event-stream"};
  }
  auto session = sessions_.Find(request[kSessionHeader]);
  if (!error && !session) error = session.error();
  std::unique_ptr<HttpStreamCall> call;
  if (!error) {
    call = std::make_unique<HttpStreamCall>(*std::move(session), lane, responder);
    error = call->Start(request["Last-Event-ID"]);
  }
  if (!error) return call;
  responder.Respond(HttpResponse::FromError("", *error));
  return nullptr;
}

void McpEndpoint::CloseSession(const Request& request, HttpResponder& responder) {
  if (const auto error = sessions_.End(request[kSessionHeader])) {
    responder.Respond(HttpResponse::FromError("", *error));
  } else {
    responder.Respond({.status = 204});
  }
}

std::unique_ptr<HttpCall> McpEndpoint::HandleMcp(Lane& lane, Request& request,
                                                 HttpResponder& responder, const HttpPath& path) {
  std::optional<Error> refused = CheckCaller(request, service_);
  if (const auto answer = AnswerPreflight(request, refused, service_.config())) {
    responder.Respond(*answer);
    return nullptr;
  }
  if (refused && IsAboutTheCaller(refused->reason)) {
    responder.Respond(HttpResponse::FromError("", *refused));
    return nullptr;
  }
  Result<Scope> scope = service_.ScopeOf(path.names, HttpCallerHeaders(request));
  if (!refused && !scope) refused = scope.error();
  if (!refused && request.method() == http::verb::delete_) {
    CloseSession(request, responder);
    return nullptr;
  }
  if (!refused && request.method() == http::verb::get && !request[kSessionHeader].empty()) {
    return OpenStream(lane, request, responder);
  }
  if (!refused) refused = CheckPost(request);
  jsonrpc::Text body(std::move(request.body()));
  if (!refused && jsonrpc::IsArray(body.view())) {
    return HandleBatch(lane, request, responder, *scope, std::move(body));
  }
  jsonrpc::Parser& parser = messages_.Of(lane).parser;
  std::string_view id;
  Result<jsonrpc::Message> message = jsonrpc::Parse(parser, body, &id);
  if (refused || !message) {  // an error names its request wherever the body does
    responder.Respond(HttpResponse::FromError(id, refused ? *refused : message.error()));
    return nullptr;
  }
  const Result<std::optional<ModernRequest>> era = ReadEra(*message, HttpRequestHeaders(request));
  if (!era) {
    HttpResponse response = HttpResponse::FromError(id, era.error());
    response.status = static_cast<unsigned>(ModernHttpStatus(era.error()));
    responder.Respond(std::move(response));
    return nullptr;
  }
  const bool modern = era->has_value();
  if (!modern) {
    if (const auto unsupported = CheckVersion(request)) {
      responder.Respond(HttpResponse::FromError(id, *unsupported));
      return nullptr;
    }
  }
  HttpMessages::Post post{.lane = lane,
                          .request = request,
                          .responder = responder,
                          .scope = *std::move(scope),
                          .message = *message,
                          .session = nullptr,
                          .modern = modern};
  const std::string_view session = request[kSessionHeader];
  if (!modern && !session.empty() && message->method != "initialize") {
    auto found = sessions_.Find(session);
    if (!found) {
      responder.Respond(HttpResponse::FromError(id, found.error()));
      return nullptr;
    }
    post.session = *std::move(found);
  }
  std::unique_ptr<HttpCall> call = messages_.Dispatch(post);
  parser.Trim();
  return call;
}

std::unique_ptr<HttpCall> McpEndpoint::HandleBatch(Lane& lane, const Request& request,
                                                   HttpResponder& responder, const Scope& scope,
                                                   jsonrpc::Text body) {
  const auto refuse = [&responder](const Error& error) {
    responder.Respond(HttpResponse::FromError("", error));
    return nullptr;
  };
  std::shared_ptr<ClientSession> session;
  if (const std::string_view id = request[kSessionHeader]; !id.empty()) {
    auto found = sessions_.Find(id);
    if (!found) return refuse(found.error());
    session = *std::move(found);
  }
  // Who has neither a session nor names a version is taken to speak the one that has batches.
  const auto named = request.find("MCP-Protocol-Version");
  const std::string_view version = session != nullptr       ? session->profile().version
                                   : named != request.end() ? std::string_view(named->value())
                                                            : kBatchVersion;
  Result<std::vector<std::string>> messages = ReadBatch(messages_.Of(lane).parser, body, version);
  if (!messages) return refuse(messages.error());
  if (const auto unsupported = CheckVersion(request)) return refuse(*unsupported);
  auto call = std::make_unique<HttpBatchCall>(responder);
  call->Start(*std::move(messages), [&](std::string message, HttpResponder& part) {
    return DispatchPart({.lane = lane,
                         .request = request,
                         .responder = part,
                         .scope = scope,
                         .message = {},
                         .session = session},
                        std::move(message));
  });
  return call;
}

std::unique_ptr<HttpCall> McpEndpoint::DispatchPart(HttpMessages::Post post, std::string text) {
  jsonrpc::Text body(std::move(text));
  std::string_view id;
  Result<jsonrpc::Message> message = jsonrpc::Parse(messages_.Of(post.lane).parser, body, &id);
  if (!message) {
    post.responder.Respond(HttpResponse::FromError(id, message.error()));
    return nullptr;
  }
  const Result<std::optional<ModernRequest>> era =
      ReadEra(*message, HttpRequestHeaders(post.request));
  if (!era || era->has_value()) {
    const Error error{.reason = Reason::kInvalidRequest,
                      .message = "a request of MCP 2026-07-28 must not be part of a batch"};
    post.responder.Respond(HttpResponse::FromError(id, era ? error : era.error()));
    return nullptr;
  }
  post.message = *message;
  return messages_.Dispatch(post);
}

}  // namespace mcpbridge

#include "server/frontend/http/sse_endpoint.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "server/frontend/http/cors.h"
#include "server/frontend/http/guards.h"
#include "server/frontend/http/http_sse_call.h"

namespace mcpbridge {

namespace http = boost::beast::http;

std::unique_ptr<HttpCall> SseEndpoint::Open(Lane& lane, const Request& request,
                                            HttpResponder& responder, const HttpPath& path) {
  std::optional<Error> error = CheckCaller(request, service_);
  if (const auto answer = AnswerPreflight(request, error, service_.config())) {
    responder.Respond(*answer);
    return nullptr;
  }
  Result<Scope> scope = service_.ScopeOf(path.names, HttpCallerHeaders(request));
  if (!error && request.method() != http::verb::get) {
    error = Error{.reason = Reason::kMethodNotAllowed,
                  .message =
                      "this is the event stream of HTTP+SSE (MCP 2024-11-05): GET it, and"
                      " post to where its first event says; streamable HTTP is at /mcp"};
  }
  if (!error && !scope) error = scope.error();
  std::string id = error ? std::string() : NewSessionId();
  if (!error && id.empty()) {
    error = Error{.reason = Reason::kInternal, .message = "no random bits for a session's id"};
  }
  if (error) {
    HttpResponse response = HttpResponse::FromError("", *error);
    if (error->reason == Reason::kMethodNotAllowed) response.headers = "Allow: GET\r\n";
    responder.Respond(std::move(response));
    return nullptr;
  }
  auto call = std::make_unique<HttpSseCall>(lane, responder,
                                            [this](SseChannel& channel) { OnEnd(channel); });
  channels_.Add(call->Start(std::move(id), *std::move(scope), kSseMessagesPath,
                            service_.config().bridge.limits.response_bytes));
  return call;
}

// Its client can't be told anything any more.
void SseEndpoint::OnEnd(SseChannel& channel) {
  channels_.Remove(channel);
  if (const auto session = channel.session()) sessions_.Close(session->id(), "its stream ended");
  for (int i = 0; i < executor_.lane_count(); ++i) {
    Lane& lane = executor_.lane(i);
    lane.Post([this, &lane, id = channel.id()] { messages_.Of(lane).lone_calls.End(id); });
  }
}

void SseEndpoint::Take(Lane& lane, Request& request, HttpResponder& responder) {
  std::optional<Error> error = CheckCaller(request, service_);
  if (const auto answer = AnswerPreflight(request, error, service_.config())) {
    return responder.Respond(*answer);
  }
  const auto channel = channels_.Find(QueryValue(request.target(), "session_id"));
  if (!error && request.method() != http::verb::post) {
    error = Error{.reason = Reason::kMethodNotAllowed, .message = "only POST is served here"};
  }
  if (!error && channel == nullptr) {
    error = Error{.reason = Reason::kSessionNotFound,
                  .message = "Session not found: there is no event stream of this session_id"};
  }
  if (!error) error = CheckMediaTypes(request);
  jsonrpc::Text body(std::move(request.body()));
  std::string_view id;
  jsonrpc::Parser& parser = messages_.Of(lane).parser;
  Result<jsonrpc::Message> message = jsonrpc::Parse(parser, body, &id);
  if (error || !message) {
    return responder.Respond(HttpResponse::FromError(id, error ? *error : message.error()));
  }
  responder.Respond({.status = 202, .content_type = "text/plain", .body = "Accepted"});
  messages_.Of(lane).lone_calls.Run(channel, [&](HttpResponder& lone) {
    HttpMessages::Post post{.lane = lane,
                            .request = request,
                            .responder = lone,
                            .scope = channel->scope(),
                            .message = *message,
                            .session = channel->session(),
                            .channel = channel};
    return messages_.Dispatch(post);
  });
  parser.Trim();
}

}  // namespace mcpbridge

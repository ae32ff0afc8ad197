#include "server/frontend/http/mcp_endpoint.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "server/base/log.h"
#include "server/frontend/http/cors.h"
#include "server/frontend/http/guards.h"
#include "server/frontend/http/http_batch_call.h"
#include "server/frontend/http/http_discover_call.h"
#include "server/frontend/http/http_initialize_call.h"
#include "server/frontend/http/http_list_call.h"
#include "server/frontend/http/http_listen_call.h"
#include "server/frontend/http/http_routed_call.h"
#include "server/frontend/http/http_set_level_call.h"
#include "server/frontend/http/http_sse_call.h"
#include "server/frontend/http/http_stream_call.h"
#include "server/jsonrpc/batch.h"
#include "server/mcp/initialize.h"
#include "server/mcp/json_members.h"
#include "server/mcp/mirrored_headers.h"
#include "server/mcp/modern.h"

namespace mcpbridge {

namespace http = boost::beast::http;

namespace {

// The one version that has batches.
constexpr std::string_view kBatchVersion = "2025-03-26";
// One body can so take no more than a 64th of the calls that may be under way.
constexpr std::size_t kMaxBatch = 64;

HttpResponse Accepted() { return {.status = 202}; }

// Who isn't let in isn't read either.
bool IsAboutTheCaller(Reason reason) {
  return reason == Reason::kHostNotAllowed || reason == Reason::kOriginNotAllowed ||
         reason == Reason::kUnauthenticated;
}

Error SessionNotFound() {
  return Error{.reason = Reason::kSessionNotFound,
               .message = "Session not found: Mcp-Session-Id names none, or one that is over"};
}

bool IsModernOnly(CallMethod method) {
  return method == CallMethod::kDiscover || method == CallMethod::kListen;
}

Error NotFound(std::string_view target) {
  return Error{.reason = Reason::kPathNotFound,
               .message = "there is nothing at " + std::string(target.substr(0, 200)) +
                          "; MCP is at /mcp, /mcp/{server} and /{server}/mcp, where {server} may be"
                          " several, by commas, or an access group"};
}

// Where clients of HTTP+SSE post to.
constexpr std::string_view kSseMessagesPath = "/sse/messages";

// The value of `name` in a target's query; empty: there is none.
std::string_view QueryValue(std::string_view target, std::string_view name) {
  const std::size_t question = target.find('?');
  std::string_view query = question == std::string_view::npos ? "" : target.substr(question + 1);
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    if (pair.starts_with(name) && pair.substr(name.size()).starts_with('=')) {
      return pair.substr(name.size() + 1);
    }
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
  }
  return {};
}

// "a%2Cb" -> "a,b". What isn't a valid escape stays.
std::string PercentDecoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    const char* const digits = text.data() + i + 1;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(digits, digits + 2, value, 16).ptr == digits + 2) {
      out += static_cast<char>(value);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

}  // namespace

HttpPath HttpPath::Parse(std::string_view target) {
  std::string_view path = target.substr(0, target.find('?'));
  if (path == "/healthz") return {.kind = Kind::kHealthz, .names = {}};
  if (path == "/readyz") return {.kind = Kind::kReadyz, .names = {}};
  if (path.ends_with('/')) path.remove_suffix(1);
  if (path == "/mcp") return {.kind = Kind::kMcp, .names = {}};
  if (path == kSseMessagesPath) return {.kind = Kind::kSseMessages, .names = {}};
  if (path == "/sse" || path == "/mcp/sse") return {.kind = Kind::kSse, .names = {}};
  static constexpr std::string_view kSse = "/sse";
  if (path.ends_with(kSse) && path.find('/', 1) == path.size() - kSse.size()) {
    return {.kind = Kind::kSse,
            .names = PercentDecoded(path.substr(1, path.size() - 1 - kSse.size()))};
  }
  static constexpr std::string_view kMcp = "/mcp";
  std::string_view names;
  if (path.starts_with("/mcp/")) {
    names = path.substr(kMcp.size() + 1);
  } else if (path.ends_with(kMcp) && path.size() > kMcp.size() + 1) {
    names = path.substr(1, path.size() - kMcp.size() - 1);
  }
  if (names.empty() || names.find('/') != std::string_view::npos) return {};
  return {.kind = Kind::kMcp, .names = PercentDecoded(names)};
}

McpEndpoint::McpEndpoint(ToolService& service, ClientSessions& sessions, Executor& executor)
    : service_(service), sessions_(sessions), executor_(executor) {
  for (int i = 0; i < executor.lane_count(); ++i) {
    lanes_.push_back(std::make_unique<PerLane>(executor.lane(i)));
  }
}

McpEndpoint::~McpEndpoint() = default;

void McpEndpoint::OnCallerGone(Lane& lane, std::unique_ptr<HttpCall> call) {
  if (call->outlives_connection()) Of(lane).lone_calls.Keep(std::move(call));
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
      return OpenChannel(lane, request, responder, path);
    case HttpPath::Kind::kSseMessages:
      HandleChannelPost(lane, request, responder);
      return nullptr;
  }
  return nullptr;
}

std::string McpEndpoint::HeadersOf(const Request& request) const {
  return CorsHeaders(request, service_.config().bridge);
}

// The order is that of the SDKs' servers: who may come in at all, then what they bring.
std::optional<Error> McpEndpoint::CheckCaller(const Request& request) const {
  const BridgeConfig& config = service_.config().bridge;
  if (auto error = CheckHost(request, config)) return error;
  if (auto error = CheckOrigin(request, config)) return error;
  if (!service_.Authorized(HttpCallerHeaders(request))) {
    return Error{.reason = Reason::kUnauthenticated,
                 .message =
                     "the bridge needs its key: Authorization: Bearer KEY, or"
                     " x-litellm-api-key: KEY"};
  }
  return std::nullopt;
}

// A browser asks beforehand, without a key.
std::optional<HttpResponse> McpEndpoint::PreflightAnswer(
    const Request& request, const std::optional<Error>& refused) const {
  const bool may_ask = !refused || refused->reason == Reason::kUnauthenticated;
  return may_ask ? AnswerPreflight(request, service_.config()) : std::nullopt;
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
  if (!error && session == nullptr) error = SessionNotFound();
  std::unique_ptr<HttpStreamCall> call;
  if (!error) {
    call = std::make_unique<HttpStreamCall>(std::move(session), lane, responder);
    error = call->Start(request["Last-Event-ID"]);
  }
  if (!error) return call;
  responder.Respond(HttpResponse::FromError("", *error));
  return nullptr;
}

std::unique_ptr<HttpCall> McpEndpoint::OpenChannel(Lane& lane, const Request& request,
                                                   HttpResponder& responder, const HttpPath& path) {
  std::optional<Error> error = CheckCaller(request);
  if (const auto answer = PreflightAnswer(request, error)) {
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
                                            [this](SseChannel& channel) { OnChannelEnd(channel); });
  channels_.Add(call->Start(std::move(id), *std::move(scope), kSseMessagesPath,
                            service_.config().bridge.limits.response_bytes));
  return call;
}

// Its client can't be told anything any more.
void McpEndpoint::OnChannelEnd(SseChannel& channel) {
  channels_.Remove(channel);
  if (const auto session = channel.session()) sessions_.Close(session->id(), "its stream ended");
  for (int i = 0; i < executor_.lane_count(); ++i) {
    Lane& lane = executor_.lane(i);
    lane.Post([this, &lane, id = channel.id()] { Of(lane).lone_calls.End(id); });
  }
}

void McpEndpoint::HandleChannelPost(Lane& lane, Request& request, HttpResponder& responder) {
  std::optional<Error> error = CheckCaller(request);
  if (const auto answer = PreflightAnswer(request, error)) {
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
  jsonrpc::Parser& parser = Of(lane).parser;
  Result<jsonrpc::Message> message = jsonrpc::Parse(parser, body, &id);
  if (error || !message) {
    return responder.Respond(HttpResponse::FromError(id, error ? *error : message.error()));
  }
  responder.Respond({.status = 202, .content_type = "text/plain", .body = "Accepted"});
  Of(lane).lone_calls.Run(channel, [&](HttpResponder& lone) {
    Post post{.lane = lane,
              .request = request,
              .responder = lone,
              .scope = channel->scope(),
              .message = *message,
              .session = channel->session(),
              .channel = channel};
    return Dispatch(post);
  });
  parser.Trim();
}

void McpEndpoint::CloseSession(const Request& request, HttpResponder& responder) {
  if (sessions_.Close(request[kSessionHeader], "by the client")) {
    responder.Respond({.status = 204});
  } else {
    responder.Respond(HttpResponse::FromError("", SessionNotFound()));
  }
}

std::unique_ptr<HttpCall> McpEndpoint::HandleMcp(Lane& lane, Request& request,
                                                 HttpResponder& responder, const HttpPath& path) {
  std::optional<Error> refused = CheckCaller(request);
  if (const auto answer = PreflightAnswer(request, refused)) {
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
  jsonrpc::Parser& parser = Of(lane).parser;
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
  Post post{.lane = lane,
            .request = request,
            .responder = responder,
            .scope = *std::move(scope),
            .message = *message,
            .session = nullptr,
            .modern = modern};
  const std::string_view session = request[kSessionHeader];
  if (!modern && !session.empty() && message->method != "initialize") {
    post.session = sessions_.Find(session);
    if (post.session == nullptr) {
      responder.Respond(HttpResponse::FromError(id, SessionNotFound()));
      return nullptr;
    }
  }
  std::unique_ptr<HttpCall> call = Dispatch(post);
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
    session = sessions_.Find(id);
    if (session == nullptr) return refuse(SessionNotFound());
  }
  // Who has neither a session nor names a version is taken to speak the one that has batches.
  const auto named = request.find("MCP-Protocol-Version");
  const std::string_view version = session != nullptr       ? session->profile().version
                                   : named != request.end() ? std::string_view(named->value())
                                                            : kBatchVersion;
  Result<std::vector<std::string>> messages = ReadBatch(lane, body, version);
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

// Its messages. What is wrong with one of them is that one's own matter, except that no session
// may begin here.
Result<std::vector<std::string>> McpEndpoint::ReadBatch(Lane& lane, jsonrpc::Text& body,
                                                        std::string_view version) {
  if (version != kBatchVersion) {
    return Error{.reason = Reason::kInvalidRequest,
                 .message = "a batch (JSON array) is of MCP " + std::string(kBatchVersion) +
                            " only, not of " + std::string(version)};
  }
  jsonrpc::Parser& parser = Of(lane).parser;
  Result<std::vector<std::string>> messages = jsonrpc::SplitBatch(parser, body, kMaxBatch);
  for (std::size_t i = 0; messages && i < messages->size(); ++i) {
    jsonrpc::Text text((*messages)[i]);
    const Result<jsonrpc::Message> message = jsonrpc::Parse(parser, text);
    if (message && message->method == "initialize") {
      return Error{.reason = Reason::kInvalidRequest,
                   .message = "initialize must not be part of a batch"};
    }
  }
  parser.Trim();
  return messages;
}

std::unique_ptr<HttpCall> McpEndpoint::DispatchPart(Post post, std::string text) {
  jsonrpc::Text body(std::move(text));
  std::string_view id;
  Result<jsonrpc::Message> message = jsonrpc::Parse(Of(post.lane).parser, body, &id);
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
  return Dispatch(post);
}

std::unique_ptr<HttpCall> McpEndpoint::Dispatch(Post& post) {
  const jsonrpc::Message& message = post.message;
  if (message.kind == jsonrpc::Kind::kNotification) {
    if (message.method == "notifications/cancelled") Cancel(post);
    if (message.method == "notifications/roots/list_changed" && post.session != nullptr) {
      post.session->Notify(jsonrpc::RequestMessage("", message.method, message.params));
    }
    post.responder.Respond(Accepted());
    return nullptr;
  }
  if (message.kind != jsonrpc::Kind::kRequest) {
    if (post.session != nullptr) post.session->TakeAnswer(message);
    post.responder.Respond(Accepted());
    return nullptr;
  }
  const auto method = CallMethodOf(message.method);
  if (post.modern && method == CallMethod::kDiscover) return Discover(post);
  if (method && (post.modern || !IsModernOnly(*method))) return RouteCall(*method, post);
  for (const ListKind kind : kListKinds) {
    if (message.method == InfoOf(kind).method) return List(kind, post);
  }
  if (message.method == "initialize") return Initialize(post);
  if (message.method == "ping") {
    post.responder.Respond({.body = jsonrpc::ResultMessage(message.id, "{}")});
  } else {
    ReplyTo(post).Fail(
        Error{.reason = Reason::kMethodNotFound,
              .message = "Method not found: " + std::string(message.method.substr(0, 100))});
  }
  return nullptr;
}

std::unique_ptr<HttpCall> McpEndpoint::Initialize(Post& post) {
  std::string id(post.message.id);
  Result<ClientProfile> profile = ParseInitialize(post.message);
  std::optional<Error> error = profile ? service_.Enter() : std::optional(profile.error());
  if (error) {
    post.responder.Respond(HttpResponse::FromError(id, *error));
    return nullptr;
  }
  auto call = std::make_unique<HttpInitializeCall>(service_, sessions_, post.responder,
                                                   std::move(id), *std::move(profile));
  if (post.channel != nullptr) {
    call->WhenOpened([this, channel = post.channel](std::shared_ptr<ClientSession> session) {
      const auto before = channel->SetSession(std::move(session));
      if (before != nullptr) sessions_.Close(before->id(), "its client has begun another");
      if (channel->over()) sessions_.Close(channel->session()->id(), "its stream ended");
    });
  }
  call->Start(post.lane, post.scope);
  return call;
}

std::unique_ptr<HttpCall> McpEndpoint::Discover(Post& post) {
  Reply reply = ReplyTo(post);
  if (const auto error = service_.Enter()) {
    reply.Fail(*error);
    return nullptr;
  }
  auto call = std::make_unique<HttpDiscoverCall>(service_, post.lane, std::move(reply));
  call->Start(post.scope);
  return call;
}

Reply McpEndpoint::ReplyTo(const Post& post) {
  // A channel has no way to take a stream up again.
  if (post.channel != nullptr) {
    return Reply(post.responder, std::string(post.message.id), Reply::Caller{.events = true});
  }
  return Reply(
      post.responder, std::string(post.message.id),
      Reply::Caller{
          .events = TakesEvents(post.request), .modern = post.modern, .session = post.session});
}

std::unique_ptr<HttpCall> McpEndpoint::List(ListKind kind, Post& post) {
  Reply reply = ReplyTo(post);
  const Result<Deadline> deadline = CallerDeadline(post.request);
  std::optional<Error> error;
  if (!deadline) error = deadline.error();
  std::string_view cursor;
  if (!error && !post.message.params.empty()) {
    const auto missing = jsonrpc::ParamsValue(post.message)["cursor"].get_string().get(cursor);
    if (missing != simdjson::SUCCESS && missing != simdjson::NO_SUCH_FIELD) {
      error = Error{.reason = Reason::kInvalidArguments,
                    .message = "params.cursor must be a string, one that an earlier page gave"};
    }
  }
  if (!error) error = service_.Enter();
  if (error) {
    reply.Fail(*error);
    return nullptr;
  }
  constexpr std::chrono::seconds kListTime{10};  // the longest that one slow server holds a list up
  auto call = std::make_unique<HttpListCall>(service_, std::move(reply), kind);
  call->Start(post.lane, post.scope, cursor, Min(*deadline, Deadline::After(kListTime)));
  return call;
}

std::unique_ptr<HttpCall> McpEndpoint::RouteCall(CallMethod method, Post& post) {
  Reply reply = ReplyTo(post);
  const Result<Deadline> deadline = CallerDeadline(post.request);
  Result<CallParams> params = ParseCallParams(method, post.message);
  std::optional<Error> error;
  if (!deadline) {
    error = deadline.error();
  } else if (IsForSession(method) && post.session == nullptr) {
    error =
        Error{.reason = Reason::kMethodNotFound,
              .message = std::string(NameOf(method)) +
                         " needs a session: begin with initialize, and send its Mcp-Session-Id"};
  } else if (!params) {
    error = params.error();
  } else if (post.modern) {
    error = CheckParamHeaders(post, *params);
  }
  if (!error) {
    error = method == CallMethod::kListen ? service_.EnterSubscription() : service_.Enter();
  }
  if (error) {
    reply.Fail(*error);
    return nullptr;
  }
  HttpCallerHeaders headers(post.request);
  CallRequest request{
      .scope = std::move(post.scope),
      .params = *std::move(params),
      .deadline = *deadline,
      .headers = headers,
      .session = post.session,
      .modern = post.modern,
      .param_headers = post.modern ? HttpRequestHeaders(post.request).Params() : Headers{}};
  if (method == CallMethod::kListen) {
    auto call = std::make_unique<HttpListenCall>(service_, post.lane, std::move(reply));
    call->Start(std::move(request));
    return call;
  }
  if (method == CallMethod::kSetLevel && !request.scope.Only(service_.config())) {
    auto call = std::make_unique<HttpSetLevelCall>(service_, post.lane, std::move(reply));
    call->Start(request);
    return call;
  }
  auto call = std::make_unique<HttpRoutedCall>(service_, post.lane, std::move(reply),
                                               Of(post.lane).cancels, std::move(post.session));
  call->Start(std::move(request));
  return call;
}

// Whether the headers repeat those arguments that the tool's schema wants repeated.
std::optional<Error> McpEndpoint::CheckParamHeaders(const Post& post, const CallParams& params) {
  if (params.kind != CallParams::KeyKind::kTool) return std::nullopt;
  const auto& table = service_.router().Current(post.lane);
  const Result<Route> route = table->Resolve(post.scope, params.key);
  const EntryList* const tools = route ? table->Known(route->server, ListKind::kTools) : nullptr;
  const ListEntry* const tool = tools != nullptr ? tools->Find(route->name) : nullptr;
  if (tool == nullptr) return std::nullopt;
  const ParamHeaders wanted = ParamHeaders::OfTool(tool->json);
  const auto arguments = wanted.empty() ? std::nullopt : JsonMembers::Read(params.raw);
  if (!arguments) return std::nullopt;
  return wanted.Check(arguments->Get("arguments").value_or(""), HttpRequestHeaders(post.request));
}

// The call may be on any lane.
void McpEndpoint::Cancel(Post& post) {
  if (post.session == nullptr || post.message.params.empty()) return;
  auto value = jsonrpc::ParamsValue(post.message)["requestId"];
  std::string_view raw;
  if (value.raw_json_token().get(raw)) return;
  const std::string key = CancelRegistry::Key(post.session->id(), jsonrpc::TrimEnd(raw));
  for (int i = 0; i < executor_.lane_count(); ++i) {
    Lane& lane = executor_.lane(i);
    lane.Dispatch([this, &lane, key] { Of(lane).cancels.Cancel(key); });
  }
}

}  // namespace mcpbridge

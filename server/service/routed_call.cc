#include "server/service/routed_call.h"

#include <algorithm>
#include <utility>

#include "server/mcp/modern.h"
#include "server/mcp/modern_meta.h"

namespace mcpbridge {
namespace {

// A tool that isn't known may be new: its server is asked again, but not for every such call.
constexpr std::chrono::milliseconds kMissMaxAge{1000};
// From asking to giving up on it.
constexpr std::chrono::seconds kAskTime{10};

// The list that has what a request is about.
ListKind ListOf(CallParams::KeyKind kind) {
  switch (kind) {
    case CallParams::KeyKind::kPrompt:
      return ListKind::kPrompts;
    case CallParams::KeyKind::kResource:
      return ListKind::kResources;
    case CallParams::KeyKind::kTool:
    case CallParams::KeyKind::kNone:
      break;
  }
  return ListKind::kTools;
}

Error NotFound(const CallParams& params, const std::string& server) {
  switch (params.kind) {
    case CallParams::KeyKind::kPrompt:
      return Error{.reason = Reason::kPromptNotFound,
                   .message = "Unknown prompt: " + params.key,
                   .metadata = {{"prompt", params.key}, {"server", server}}};
    case CallParams::KeyKind::kResource:
      return Error{.reason = Reason::kResourceNotFound,
                   .message = "Resource not found: " + params.key,
                   .metadata = {{"uri", params.key}, {"server", server}}};
    case CallParams::KeyKind::kTool:
    case CallParams::KeyKind::kNone:
      break;
  }
  return Error{.reason = Reason::kToolNotFound,
               .message = "Unknown tool: " + params.key,
               .metadata = {{"tool", params.key}, {"server", server}}};
}

// Whether its answer comes when the caller has had enough, not before a deadline.
bool IsStream(CallMethod method) { return method == CallMethod::kListen; }

bool IsNotFound(Reason reason) {
  return reason == Reason::kToolNotFound || reason == Reason::kPromptNotFound ||
         reason == Reason::kResourceNotFound;
}

}  // namespace

RoutedCall::RoutedCall(ToolService& service, Lane& lane, Handler& handler)
    : service_(service), lane_(lane), handler_(handler) {}

RoutedCall::~RoutedCall() {
  if (asking_ != nullptr) asking_->call = nullptr;
}

std::optional<Error> RoutedCall::Start(CallRequest request) {
  scope_ = std::move(request.scope);
  params_ = std::move(request.params);
  deadline_ = request.deadline;
  if (!IsStream(params_.method)) {
    deadline_ = Min(deadline_, Deadline::After(service_.config().bridge.limits.call_timeout));
  }
  forwarded_ = service_.Forwardable(request.headers);
  session_ = std::move(request.session);
  modern_ = request.modern;
  param_headers_ = std::move(request.param_headers);
  if (deadline_.expired()) {
    return Error{.reason = Reason::kDeadlineExceeded,
                 .message = "the deadline had passed before the call began"};
  }
  return RouteAndSend(/*may_ask=*/true);
}

std::optional<Error> RoutedCall::RouteAndSend(bool may_ask) {
  const std::shared_ptr<const RouteTable> table = service_.router().Current(lane_);
  Result<Route> route = Resolve(*table);
  if (!route) {
    if (!may_ask || !IsNotFound(route.error().reason)) return std::move(route).error();
    Ask(std::nullopt);
    return std::nullopt;
  }
  if (!route->unknown) return Send(*route);
  if (!may_ask) return NotFound(params_, service_.config().servers[route->server].name);
  Ask(route->server);
  return std::nullopt;
}

Result<Route> RoutedCall::Resolve(const RouteTable& table) const {
  switch (params_.kind) {
    case CallParams::KeyKind::kTool:
      return table.Resolve(scope_, params_.key);
    case CallParams::KeyKind::kPrompt:
      return table.ResolvePrompt(scope_, params_.key);
    case CallParams::KeyKind::kResource:
      return table.ResolveResource(scope_, params_.key);
    case CallParams::KeyKind::kNone:
      break;
  }
  const std::optional<std::size_t> only = scope_.Only(service_.config());
  if (only) return Route{.server = *only, .name = params_.key};
  return Error{.reason = Reason::kServerNotFound,
               .message = std::string(NameOf(params_.method)) +
                          " is for one server: name it in the path, /mcp/{server}"};
}

std::optional<Error> RoutedCall::Send(const Route& route) {
  route_ = route.server;
  if (!IsStream(params_.method)) {
    const ServerConfig& server = service_.config().servers[route_];
    deadline_ = Min(deadline_, Deadline::After(server.timeout));
  }
  params_.Rename(std::string(route.name));
  progress_token_ = params_.token_span.In(params_.raw);
  Upstream* const modern = modern_ ? service_.pool().modern(route_) : nullptr;
  return modern != nullptr ? SendModern(route_, *modern) : SendLegacy(route_);
}

// Those of the caller's headers that the server's `extra_headers` names.
Headers RoutedCall::HeadersFor(std::size_t server) const {
  const auto& names = service_.config().servers[server].extra_headers;
  Headers headers;
  for (const auto& header : forwarded_) {
    if (std::find(names.begin(), names.end(), header.first) != names.end()) {
      headers.push_back(header);
    }
  }
  return headers;
}

// The params stay: it may turn out that the server is of the era before.
std::optional<Error> RoutedCall::SendModern(std::size_t server, Upstream& upstream) {
  Headers mirrored = param_headers_;
  const std::string method(NameOf(params_.method));
  for (HeaderField& header : ModernHeaders(method, NameMember(method).empty() ? "" : params_.key)) {
    if (header.first == kNameHeader) mirrored.push_back(std::move(header));
  }
  auto error = SendTo(upstream, UpstreamRequest{.method = method,
                                                .params = params_.raw,
                                                .deadline = deadline_,
                                                .headers = HeadersFor(server),
                                                .mirrored = std::move(mirrored),
                                                .token_span = params_.token_span});
  if (error && error->reason == Reason::kUnsupportedProtocolVersion) return SendLegacy(server);
  return error;
}

std::optional<Error> RoutedCall::SendLegacy(std::size_t server) {
  if (modern_) {
    translated_ = true;
    if (params_.kind == CallParams::KeyKind::kNone) {
      return Error{.reason = Reason::kMethodNotFound,
                   .message = "Method not found: " + std::string(NameOf(params_.method))};
    }
    Result<std::string> bare = WithoutRequestMeta(params_.raw);
    if (!bare) return std::move(bare).error();
    Result<CallParams> params = ReadCallParams(params_.method, *std::move(bare));
    if (!params) return std::move(params).error();
    params_ = *std::move(params);
  }
  Upstream* upstream = &service_.pool().upstream(server);
  const Isolation isolation = service_.config().servers[server].isolation;
  if (IsForSession(params_.method) && isolation != Isolation::kSession) {
    return Error{
        .reason = Reason::kMethodNotFound,
        .message = std::string(NameOf(params_.method)) +
                   (isolation == Isolation::kShared
                        ? " would be set for all callers: the server's `isolation` is shared"
                        : " would be set for no call: the server's `isolation` is call")};
  }
  if (isolation == Isolation::kCall || session_ != nullptr) {
    auto own = isolation == Isolation::kCall
                   ? service_.pool().NewCallSession(
                         server, session_ != nullptr ? &session_->profile() : nullptr)
                   : session_->SessionWith(server);
    if (!own) return std::move(own).error();
    upstream_ = *std::move(own);
    upstream = upstream_.get();
  }
  return SendTo(*upstream, UpstreamRequest{.method = std::string(NameOf(params_.method)),
                                           .params = std::move(params_.raw),
                                           .deadline = deadline_,
                                           .headers = HeadersFor(server),
                                           .token_span = params_.token_span});
}

std::optional<Error> RoutedCall::SendTo(Upstream& upstream, UpstreamRequest request) {
  auto exchange = upstream.Send(lane_, std::move(request), *this);
  if (!exchange) return std::move(exchange).error();
  exchange_ = *std::move(exchange);
  ArmDeadline();
  return std::nullopt;
}

void RoutedCall::ArmDeadline() {
  Disarm();
  lane_.deadlines().Arm(*this, deadline_);
}

void RoutedCall::Ask(std::optional<std::size_t> server) {
  ArmDeadline();
  asking_ = std::make_shared<Alive>(Alive{this});
  const Deadline deadline = Min(deadline_, Deadline::After(kAskTime));
  if (server) {
    service_.pool().RefreshCatalogue(*server, ListOf(params_.kind), lane_, kMissMaxAge, deadline,
                                     // Never from within this call, which may still be starting.
                                     [&lane = lane_, alive = asking_](std::optional<Error> error) {
                                       lane.Post([alive, error = std::move(error)] {
                                         if (alive->call != nullptr) alive->call->OnAsked(error);
                                       });
                                     });
  } else {
    // A resource may also be one that a template stands for.
    const ListKind kind = ListOf(params_.kind);
    const ListKind more = kind == ListKind::kResources ? ListKind::kTemplates : kind;
    const auto asked = [&lane = lane_, alive = asking_](const Result<Listing>&) {
      lane.Post([alive] {
        if (alive->call != nullptr) alive->call->OnAsked(std::nullopt);
      });
    };
    service_.lister().List(kind, lane_, scope_, kMissMaxAge, deadline,
                           [&service = service_, &lane = lane_, scope = scope_, more, deadline,
                            asked](const Result<Listing>& listing) {
                             if (listing && listing->kind == more) return asked(listing);
                             service.lister().List(more, lane, scope, kMissMaxAge, deadline, asked);
                           });
  }
}

void RoutedCall::OnAsked(const std::optional<Error>& error) {
  asking_.reset();
  std::optional<Error> failure = error ? error : RouteAndSend(/*may_ask=*/false);
  if (failure) End(*std::move(failure));
}

void RoutedCall::OnReply(Result<jsonrpc::Message> message) {
  // The question which era the server is of has just been answered.
  if (modern_ && !translated_ && !message &&
      message.error().reason == Reason::kUnsupportedProtocolVersion) {
    exchange_.reset();
    if (auto error = SendLegacy(route_)) End(*std::move(error));
    return;
  }
  End(std::move(message));
}

void RoutedCall::OnNotification(jsonrpc::Message& message) {
  if (translated_ && message.method == "notifications/message") {
    return;  // in that era they are said only to those who ask for them, with a level
  }
  if (message.method != "notifications/progress") {
    handler_.OnCallNotification(message.method, std::string(message.params));
    return;
  }
  if (progress_token_.empty()) return;
  // The token is this call's, or the exchange wouldn't have passed it on.
  const std::string_view whole = message.params;
  const std::string_view token = ProgressTokenOf(message);
  if (token.empty()) return;
  std::string params(whole);
  params.replace(static_cast<std::size_t>(token.data() - whole.data()), token.size(),
                 progress_token_);
  handler_.OnCallNotification("notifications/progress", std::move(params));
}

bool RoutedCall::OnRequest(jsonrpc::Message& message) {
  return handler_.OnCallRequest(message.id, message.method, message.params);
}

void RoutedCall::Answer(std::string response) {
  if (exchange_ != nullptr) exchange_->Answer(std::move(response));
}

void RoutedCall::OnDeadline() {
  End(Error{.reason = Reason::kDeadlineExceeded,
            .message = "the deadline passed before the server answered",
            .metadata = {{"tool", params_.key}}});
}

void RoutedCall::End(Result<jsonrpc::Message> message) {
  Disarm();
  exchange_.reset();
  handler_.OnCallEnd(std::move(message));
}

}  // namespace mcpbridge

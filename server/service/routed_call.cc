#include "server/service/routed_call.h"

#include <algorithm>
#include <utility>

#include "server/mcp/json_members.h"
#include "server/mcp/mirrored_headers.h"
#include "server/mcp/modern.h"
#include "server/mcp/modern_meta.h"
#include "server/mcp/tasks.h"
#include "server/routing/task_route.h"
#include "server/service/session_fit.h"

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
    case CallParams::KeyKind::kTask:
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
    case CallParams::KeyKind::kTask:
    case CallParams::KeyKind::kNone:
      break;
  }
  return Error{.reason = Reason::kToolNotFound,
               .message = "Unknown tool: " + params.key,
               .metadata = {{"tool", params.key}, {"server", server}}};
}

// Whether its answer comes when the caller has had enough, not before a deadline.
bool IsStream(CallMethod method) { return method == CallMethod::kListen; }

// Whether its server may ask the caller something before it answers, in the modern era.
bool MayAsk(CallMethod method) {
  return method == CallMethod::kCallTool || method == CallMethod::kGetPrompt ||
         method == CallMethod::kReadResource;
}

// How a call has ended that has this for its answer.
std::optional<Reason> OutcomeOf(const Result<jsonrpc::Message>& message) {
  if (!message) return message.error().reason;
  if (message->kind == jsonrpc::Kind::kError) return Reason::kUpstreamError;
  return std::nullopt;
}

bool IsNotFound(Reason reason) {
  return reason == Reason::kToolNotFound || reason == Reason::kPromptNotFound ||
         reason == Reason::kResourceNotFound;
}

}  // namespace

RoutedCall::RoutedCall(ToolService& service, Lane& lane, Handler& handler)
    : service_(service),
      lane_(lane),
      handler_(handler),
      meter_(service.observer().Of(lane), params_.key, deadline_) {}

RoutedCall::~RoutedCall() {
  LetGo();
  if (asking_ != nullptr) asking_->call = nullptr;
}

std::optional<Error> RoutedCall::Start(CallRequest request) {
  meter_.Begin(request.front, request.params.method, request.arrived,
               meter_.wants_peer() ? request.headers.Peer() : std::string());
  std::optional<Error> error = Begin(request);
  if (error) meter_.End(error->reason);
  return error;
}

std::optional<Error> RoutedCall::Begin(CallRequest& request) {
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
  forward_unknown_ = request.forward_unknown && scope_.Only(service_.config());
  if (deadline_.expired()) {
    return Error{.reason = Reason::kDeadlineExceeded,
                 .message = "the deadline had passed before the call began"};
  }
  ReadTrace(request.headers);
  auto error = RouteAndSend(/*may_ask=*/true);
  if (error) EndTrace(*error);
  return error;
}

std::optional<Error> RoutedCall::RouteAndSend(bool may_ask) {
  table_ = service_.router().Current(lane_);
  const std::shared_ptr<const RouteTable> own = view_ != nullptr ? view_->Current(lane_) : nullptr;
  const RouteTable& table = own != nullptr ? *own : *table_;
  Result<Route> route = Resolve(table);
  if (route) {
    if (auto gone = CheckPresent(config(), route->server)) return gone;
  }
  if (route && !route->unknown) return Send(table, *route);
  if (!route && !IsNotFound(route.error().reason)) return std::move(route).error();
  // What all see is looked through first: hardly ever is there more.
  if (view_ == nullptr) {
    view_ = CallersView();
    if (view_ != nullptr) return RouteAndSend(may_ask);
    view_ = service_.ViewFor();
  }
  if (may_ask) {
    Ask(route ? std::optional(route->server) : std::nullopt);
    return std::nullopt;
  }
  if (!route) return std::move(route).error();
  if (forward_unknown_) return Send(table, *route);
  return NotFound(params_, config().servers[route->server].name);
}

// Null: it sees what all see.
std::shared_ptr<CatalogueView> RoutedCall::CallersView() const {
  if (session_ != nullptr) return session_->View();
  return modern_ ? service_.ViewFor(AskableCapabilitiesOf(params_.raw)) : nullptr;
}

Result<Route> RoutedCall::Resolve(const RouteTable& table) const {
  switch (params_.kind) {
    case CallParams::KeyKind::kTool:
      return table.Resolve(scope_, params_.key);
    case CallParams::KeyKind::kPrompt:
      return table.ResolvePrompt(scope_, params_.key);
    case CallParams::KeyKind::kResource:
      return table.ResolveResource(scope_, params_.key);
    case CallParams::KeyKind::kTask:
      return ResolveTask(config(), scope_, params_.key);
    case CallParams::KeyKind::kNone:
      break;
  }
  const std::optional<std::size_t> only = scope_.Only(config());
  if (only) return Route{.server = *only, .name = params_.key};
  return Error{.reason = Reason::kServerNotFound,
               .message = std::string(NameOf(params_.method)) +
                          " is for one server: name it in the path, /mcp/{server}"};
}

std::optional<Error> RoutedCall::Send(const RouteTable& table, const Route& route) {
  route_ = route.server;
  if (!meter_.Route(service_.SlotOf(route_), route.name)) {
    // Only what a server lists is counted under its own name: others are the caller's words.
    const EntryList* const tools = table.Known(route_, ListKind::kTools);
    if (tools != nullptr && tools->Find(route.name) != nullptr) meter_.AddTool(route.name);
  }
  if (!IsStream(params_.method)) {
    const ServerConfig& server = config().servers[route_];
    deadline_ = Min(deadline_, Deadline::After(server.timeout));
  }
  task_prefix_ = TaskPrefixOf(config(), scope_, route_);
  params_.Rename(std::string(route.name));
  progress_token_ = params_.token_span.In(params_.raw);
  if (modern_ && MayAsk(params_.method)) {
    Result<InputResponses> responses = ReadInputResponses(params_.raw);
    if (responses && service_.parked().IsOurs(responses->state))
      return Resume(*std::move(responses));
  }
  Upstream* const modern = modern_ ? Reached()->modern() : nullptr;
  return modern != nullptr ? SendModern(*modern) : SendLegacy();
}

// Those of the caller's headers that the server's `extra_headers` names.
Headers RoutedCall::HeadersFor(std::size_t server) const {
  const auto& names = config().servers[server].extra_headers;
  Headers headers;
  for (const auto& header : forwarded_) {
    if (std::find(names.begin(), names.end(), header.first) != names.end()) {
      headers.push_back(header);
    }
  }
  return headers;
}

// What a server of the modern era wants repeated of a call's arguments, where its caller can't know
// of that.
Result<Headers> RoutedCall::ParamHeadersFor(std::size_t server) const {
  if (params_.kind != CallParams::KeyKind::kTool) return Headers();
  const EntryList* const tools = table_->Known(server, ListKind::kTools);
  const ListEntry* const tool = tools != nullptr ? tools->Find(params_.key) : nullptr;
  const ParamHeaders wanted = tool != nullptr ? ParamHeaders::OfTool(tool->json) : ParamHeaders();
  const auto members = wanted.empty() ? std::nullopt : JsonMembers::Read(params_.raw);
  if (!members) return Headers();
  return wanted.Build(members->Get("arguments").value_or(""));
}

// The params stay: it may turn out that the server is of the era before.
std::optional<Error> RoutedCall::SendModern(Upstream& upstream) {
  Result<Headers> mirrored = param_headers_ ? *param_headers_ : ParamHeadersFor(route_);
  if (!mirrored) return std::move(mirrored).error();
  const std::string method(NameOf(params_.method));
  for (HeaderField& header : ModernHeaders(method, NameMember(method).empty() ? "" : params_.key)) {
    if (header.first == kNameHeader) mirrored->push_back(std::move(header));
  }
  auto error = SendTo(upstream, UpstreamRequest{.method = method,
                                                .params = params_.raw,
                                                .deadline = deadline_,
                                                .headers = HeadersFor(route_),
                                                .mirrored = *std::move(mirrored),
                                                .token_span = params_.token_span});
  if (error && error->reason == Reason::kUnsupportedProtocolVersion) return SendLegacy();
  return error;
}

// What the request is, as far as it is the same when it comes again with answers.
std::string RoutedCall::About() const {
  return config().servers[route_].name + '\n' + std::string(NameOf(params_.method)) + '\n' +
         params_.key;
}

// The request goes on with a call that waits for it, perhaps on another lane.
std::optional<Error> RoutedCall::Resume(InputResponses responses) {
  auto call = service_.parked().Take(responses.state, About());
  if (!call) return std::move(call).error();
  translated_ = true;
  asking_call_ = *std::move(call);
  ReplyHandler* const self = this;
  caller_ = std::make_shared<AskingCall::Caller>(AskingCall::Caller{lane_, self});
  ArmDeadline();
  asking_call_->home().Post(
      [call = asking_call_, caller = caller_, responses = std::move(responses)] {
        call->Resume(responses, caller);
      });
  return std::nullopt;
}

// Makes the params ones of the legacy era. The capabilities by which the server may ask the caller,
// raw; empty: it can't be asked.
Result<std::string> RoutedCall::ToLegacyEra() {
  translated_ = true;
  if (params_.kind == CallParams::KeyKind::kNone || params_.kind == CallParams::KeyKind::kTask) {
    return Error{.reason = Reason::kMethodNotFound,
                 .message = "Method not found: " + std::string(NameOf(params_.method))};
  }
  const Result<InputResponses> responses = ReadInputResponses(params_.raw);
  if (!responses) return responses.error();
  if (!responses->empty()) {
    return Error{.reason = Reason::kInvalidArguments,
                 .message = "params has answers to questions that nobody here has asked"};
  }
  std::string capabilities;
  if (MayAsk(params_.method)) capabilities = AskableCapabilitiesOf(params_.raw);
  Result<std::string> bare = WithoutRequestMeta(params_.raw);
  if (!bare) return std::move(bare).error();
  Result<CallParams> params = ReadCallParams(params_.method, *std::move(bare));
  if (!params) return std::move(params).error();
  params_ = *std::move(params);
  if (auto error = DropTask(params_)) return *std::move(error);  // it would be of the other era
  return capabilities;
}

std::optional<Error> RoutedCall::SendLegacy() {
  std::string askable;
  if (modern_) {
    Result<std::string> capabilities = ToLegacyEra();
    if (!capabilities) return std::move(capabilities).error();
    askable = *std::move(capabilities);
  }
  const std::shared_ptr<Server>& server = Reached();
  Upstream* upstream = &server->upstream();
  const Isolation isolation = server->config().isolation;
  if (auto error = FitToSession(isolation, session_ != nullptr, params_)) return error;
  if ((isolation == Isolation::kCall && askable.empty()) || session_ != nullptr) {
    auto own = isolation == Isolation::kCall
                   ? service_.pool().NewCallSession(
                         server, session_ != nullptr ? &session_->profile() : nullptr)
                   : session_->SessionWith(server);
    if (!own) return std::move(own).error();
    upstream_ = *std::move(own);
    upstream = upstream_.get();
  }
  Result<Headers> mirrored =
      server->era().get() == Era::kModern ? ParamHeadersFor(route_) : Headers();
  if (!mirrored) return std::move(mirrored).error();
  UpstreamRequest request{.method = std::string(NameOf(params_.method)),
                          .params = std::move(params_.raw),
                          .deadline = deadline_,
                          .headers = HeadersFor(route_),
                          .mirrored = *std::move(mirrored),
                          .token_span = params_.token_span,
                          .asks_for_task = params_.has_task,
                          .takes_messages = !IsForSession(params_.method)};
  if (!askable.empty() && isolation == Isolation::kCall) {
    const ClientProfile profile = AskableProfile(askable);
    auto own = service_.pool().NewCallSession(server, &profile);
    if (!own) return std::move(own).error();
    return SendAsking(*std::move(own), askable, std::move(request));
  }
  if (!askable.empty()) {
    if (auto session = service_.asking_sessions().SessionFor(server, askable)) {
      return SendAsking(std::move(session), askable, std::move(request));
    }
  }
  auto error = SendTo(*upstream, std::move(request));
  return error ? std::optional(AsUnavailable(*std::move(error))) : std::nullopt;
}

// The caller's own deadline is this request's only: a call that waits for answers has the server's.
std::optional<Error> RoutedCall::SendAsking(std::shared_ptr<Upstream> session,
                                            const std::string& capabilities,
                                            UpstreamRequest request) {
  const auto timeout =
      std::min(config().servers[route_].timeout, config().bridge.limits.call_timeout);
  AddTrace(request, config().servers[route_]);
  auto call =
      std::make_shared<AskingCall>(service_.parked(), lane_,
                                   AskingCall::Options{.about = About(),
                                                       .profile = AskableProfile(capabilities),
                                                       .deadline = Deadline::After(timeout),
                                                       .session = std::move(session)});
  ReplyHandler* const self = this;
  caller_ = std::make_shared<AskingCall::Caller>(AskingCall::Caller{lane_, self});
  if (auto error = call->Start(std::move(request), caller_))
    return AsUnavailable(*std::move(error));
  asking_call_ = std::move(call);
  ArmDeadline();
  return std::nullopt;
}

std::optional<Error> RoutedCall::SendTo(Upstream& upstream, UpstreamRequest request) {
  AddTrace(request, upstream.config());
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
    view_->Refresh(*server, ListOf(params_.kind), lane_, kMissMaxAge, deadline,
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
    service_.lister().List(view_, kind, lane_, scope_, kMissMaxAge, deadline,
                           [&service = service_, view = view_, &lane = lane_, scope = scope_, more,
                            deadline, asked](const Result<Listing>& listing) {
                             if (listing && listing->kind == more) return asked(listing);
                             service.lister().List(view, more, lane, scope, kMissMaxAge, deadline,
                                                   asked);
                           });
  }
}

void RoutedCall::OnAsked(const std::optional<Error>& error) {
  asking_.reset();
  // Another configuration has been loaded meanwhile: what was asked is of no use.
  const bool begins_anew = service_.router().Current(lane_)->servers() != table_->servers();
  // A server that is really gone says so itself.
  const bool goes_on = !error || forward_unknown_ || begins_anew;
  std::optional<Error> failure = goes_on ? RouteAndSend(/*may_ask=*/begins_anew) : error;
  if (failure) End(*std::move(failure));
}

void RoutedCall::OnReply(Result<jsonrpc::Message> message) {
  // The question which era the server is of has just been answered.
  if (modern_ && !translated_ && !message &&
      message.error().reason == Reason::kUnsupportedProtocolVersion) {
    exchange_.reset();
    if (auto error = SendLegacy()) End(*std::move(error));
    return;
  }
  if (!message) return End(AsUnavailable(std::move(message).error()));
  End(std::move(message));
}

void RoutedCall::OnNotification(jsonrpc::Message& message) {
  if (session_ != nullptr && IsListChanged(message.method)) session_->OnOwnListChanged(route_);
  if (translated_ && message.method == "notifications/message") {
    return;  // in that era they are said only to those who ask for them, with a level
  }
  if (message.method == "notifications/progress") return OnProgress(message);
  handler_.OnCallNotification(
      message.method,
      WithTaskPrefix(task_prefix_, TaskPlaceInParams(message.method), std::string(message.params)));
}

// The token is this call's, or that of a task of the same client: the exchange wouldn't have passed
// on another.
void RoutedCall::OnProgress(jsonrpc::Message& message) {
  const std::string_view whole = message.params;
  const std::string_view token = ProgressTokenOf(message);
  const std::string callers = IsTaskToken(token) ? CallersToken(token) : progress_token_;
  if (token.empty() || callers.empty()) return;
  std::string params(whole);
  params.replace(static_cast<std::size_t>(token.data() - whole.data()), token.size(), callers);
  handler_.OnCallNotification("notifications/progress",
                              WithTaskPrefix(task_prefix_, TaskPlace::kRelated, std::move(params)));
}

bool RoutedCall::OnRequest(jsonrpc::Message& message) {
  if (task_prefix_.empty()) {
    return handler_.OnCallRequest(message.id, message.method, message.params);
  }
  return handler_.OnCallRequest(
      message.id, message.method,
      WithTaskPrefix(task_prefix_, TaskPlaceInParams(message.method), std::string(message.params)));
}

void RoutedCall::Answer(std::string response) {
  if (exchange_ == nullptr) return;
  exchange_->Answer(WithoutTaskPrefix(task_prefix_, std::move(response)));
}

void RoutedCall::OnDeadline() {
  End(Error{.reason = Reason::kDeadlineExceeded,
            .message = "the deadline passed before the server answered",
            .metadata = {{"tool", params_.key}}});
}

bool RoutedCall::is_at_retired_server() const {
  return table_ != nullptr && Reached() != nullptr && Reached()->retired();
}

void RoutedCall::LetGo() {
  exchange_.reset();
  table_.reset();
  if (asking_call_ == nullptr) return;
  caller_->handler = nullptr;
  Lane& home = asking_call_->home();
  home.Post([call = std::move(asking_call_), caller = std::move(caller_)] { call->Leave(caller); });
}

void RoutedCall::End(Result<jsonrpc::Message> message) {
  Disarm();
  LetGo();
  meter_.End(OutcomeOf(message));
  EndTrace(message);
  handler_.OnCallEnd(std::move(message));
}

}  // namespace mcpbridge

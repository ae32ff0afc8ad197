#include "server/frontend/mcp/dispatcher.h"

#include <chrono>
#include <string>
#include <string_view>
#include <utility>

#include "server/frontend/mcp/discover_call.h"
#include "server/frontend/mcp/forwarded_call.h"
#include "server/frontend/mcp/initialize_call.h"
#include "server/frontend/mcp/list_call.h"
#include "server/frontend/mcp/listen_call.h"
#include "server/frontend/mcp/set_level_call.h"
#include "server/frontend/mcp/task_list_call.h"
#include "server/mcp/initialize.h"
#include "server/mcp/input_required.h"
#include "server/mcp/json_members.h"

namespace mcpbridge {
namespace {

bool IsModernOnly(CallMethod method) {
  return method == CallMethod::kDiscover || method == CallMethod::kListen ||
         method == CallMethod::kUpdateTask;
}

}  // namespace

void Dispatcher::Take(const IncomingMessage& incoming) {
  const jsonrpc::Message& message = incoming.message;
  if (incoming.session == nullptr) return;
  if (message.kind == jsonrpc::Kind::kNotification) {
    // Of the client's own tasks only a server knows that has made them: where there is but one.
    const bool is_for_servers = message.method == "notifications/roots/list_changed" ||
                                (message.method == "notifications/tasks/status" &&
                                 incoming.session->scope().Only(service_.config()));
    if (is_for_servers) {
      incoming.session->Notify(jsonrpc::RequestMessage("", message.method, message.params));
    }
  } else if (message.kind != jsonrpc::Kind::kRequest) {
    incoming.session->TakeAnswer(message);
  }
}

std::unique_ptr<McpCall> Dispatcher::Dispatch(IncomingMessage request, Reply& reply) {
  const std::string_view name = request.message.method;
  const auto method = CallMethodOf(name);
  if (request.modern && method == CallMethod::kDiscover) return Discover(request, reply);
  if (method && (request.modern || !IsModernOnly(*method))) {
    return Forward(*method, request, reply);
  }
  for (const ListKind kind : kListKinds) {
    if (name == InfoOf(kind).method) return List(kind, request, reply);
  }
  if (name == "initialize") return Initialize(request, reply);
  if (name == "ping") {
    reply.Result("{}");
  } else {
    Refuse(request, reply,
           Error{.reason = Reason::kMethodNotFound,
                 .message = "Method not found: " + std::string(name.substr(0, 100))});
  }
  return nullptr;
}

// What never becomes a call.
void Dispatcher::Refuse(const IncomingMessage& request, Reply& reply, const Error& error) {
  service_.observer().Refused(request.front, error.reason);
  reply.Fail(error);
}

std::unique_ptr<McpCall> Dispatcher::Initialize(IncomingMessage& request, Reply& reply) {
  Result<ClientProfile> profile = ParseInitialize(request.message);
  std::optional<Error> error = profile ? service_.Enter() : std::optional(profile.error());
  if (error) {
    Refuse(request, reply, *error);
    return nullptr;
  }
  auto call = std::make_unique<InitializeCall>(service_, sessions_, reply, *std::move(profile));
  call->Start(request.lane, request.scope);
  return call;
}

std::unique_ptr<McpCall> Dispatcher::Discover(IncomingMessage& request, Reply& reply) {
  if (const auto error = service_.Enter()) {
    Refuse(request, reply, *error);
    return nullptr;
  }
  auto call = std::make_unique<DiscoverCall>(service_, request.lane, reply);
  call->Start(std::move(request.scope));
  return call;
}

std::shared_ptr<CatalogueView> Dispatcher::ViewOf(const IncomingMessage& request) const {
  std::shared_ptr<CatalogueView> own;
  if (request.session != nullptr) own = request.session->View();
  if (own != nullptr) return own;
  return service_.ViewFor(request.modern ? AskableCapabilitiesOf(request.message.params)
                                         : std::string());
}

std::unique_ptr<McpCall> Dispatcher::List(ListKind kind, IncomingMessage& request, Reply& reply) {
  std::optional<Error> error;
  if (!request.deadline) error = request.deadline.error();
  std::string_view cursor;
  if (!error && !request.message.params.empty()) {
    const auto missing = jsonrpc::ParamsValue(request.message)["cursor"].get_string().get(cursor);
    if (missing != simdjson::SUCCESS && missing != simdjson::NO_SUCH_FIELD) {
      error = Error{.reason = Reason::kInvalidArguments,
                    .message = "params.cursor must be a string, one that an earlier page gave"};
    }
  }
  if (!error) error = service_.Enter();
  if (error) {
    Refuse(request, reply, *error);
    return nullptr;
  }
  constexpr std::chrono::seconds kListTime{10};  // the longest that one slow server holds a list up
  auto call = std::make_unique<ListCall>(service_, reply, kind);
  call->Start(request.lane, ViewOf(request), request.scope, cursor,
              Min(*request.deadline, Deadline::After(kListTime)));
  return call;
}

std::unique_ptr<McpCall> Dispatcher::Forward(CallMethod method, IncomingMessage& request,
                                             Reply& reply) {
  Result<CallParams> params = ParseCallParams(method, request.message);
  std::optional<Error> error;
  if (!request.deadline) {
    error = request.deadline.error();
  } else if (IsForSession(method) && request.session == nullptr) {
    error =
        Error{.reason = Reason::kMethodNotFound,
              .message = std::string(NameOf(method)) +
                         " needs a session: begin with initialize, and send its Mcp-Session-Id"};
  } else if (!params) {
    error = params.error();
  } else if (request.modern) {
    error = CheckParamHeaders(request, *params);
  }
  if (!error) {
    error = method == CallMethod::kListen ? service_.EnterSubscription() : service_.Enter();
  }
  if (error) {
    Refuse(request, reply, *error);
    return nullptr;
  }
  std::optional<Headers> param_headers;
  if (request.mirrored != nullptr) param_headers = std::move(request.param_headers);
  CallRequest call_request{.scope = std::move(request.scope),
                           .params = *std::move(params),
                           .deadline = *request.deadline,
                           .headers = request.headers,
                           .session = request.session,
                           .modern = request.modern,
                           .param_headers = std::move(param_headers),
                           .forward_unknown = request.session != nullptr || request.modern,
                           .front = request.front};
  if (method == CallMethod::kListen) {
    auto call = std::make_unique<ListenCall>(service_, request.lane, reply);
    call->Start(std::move(call_request));
    return call;
  }
  if (method == CallMethod::kSetLevel && !call_request.scope.Only(service_.config())) {
    auto call = std::make_unique<SetLevelCall>(service_, request.lane, reply);
    call->Start(call_request);
    return call;
  }
  if (method == CallMethod::kListTasks && !call_request.scope.Only(service_.config())) {
    auto call = std::make_unique<TaskListCall>(service_, request.lane, reply);
    call->Start(std::move(call_request));
    return call;
  }
  auto call =
      std::make_unique<ForwardedCall>(service_, request.lane, reply, std::move(request.session));
  call->Start(std::move(call_request));
  return call;
}

// Whether the headers, where the front has any, repeat those arguments that the tool's schema wants
// repeated.
std::optional<Error> Dispatcher::CheckParamHeaders(const IncomingMessage& request,
                                                   const CallParams& params) const {
  if (request.mirrored == nullptr || params.kind != CallParams::KeyKind::kTool) return std::nullopt;
  const auto& table = service_.router().Current(request.lane);
  const Result<Route> route = table->Resolve(request.scope, params.key);
  const EntryList* const tools = route ? table->Known(route->server, ListKind::kTools) : nullptr;
  const ListEntry* const tool = tools != nullptr ? tools->Find(route->name) : nullptr;
  if (tool == nullptr) return std::nullopt;
  const ParamHeaders wanted = ParamHeaders::OfTool(tool->json);
  const auto members = wanted.empty() ? std::nullopt : JsonMembers::Read(params.raw);
  if (!members) return std::nullopt;
  return wanted.Check(members->Get("arguments").value_or(""), *request.mirrored);
}

}  // namespace mcpbridge

#include "server/service/tool_call.h"

#include <algorithm>
#include <utility>

namespace mcpbridge {
namespace {

// A tool that isn't known may be new: its server is asked again, but not for every such call.
constexpr std::chrono::milliseconds kMissMaxAge{1000};
// From asking to giving up on it.
constexpr std::chrono::seconds kAskTime{10};

}  // namespace

ToolCall::ToolCall(ToolService& service, Lane& lane, Handler& handler)
    : service_(service), lane_(lane), handler_(handler) {}

ToolCall::~ToolCall() {
  if (asking_ != nullptr) asking_->call = nullptr;
}

std::optional<Error> ToolCall::Start(ToolCallRequest request) {
  server_ = std::move(request.server);
  params_ = std::move(request.params);
  deadline_ = Min(request.deadline, Deadline::After(service_.config().bridge.limits.call_timeout));
  forwarded_ = service_.Forwardable(request.headers);
  if (deadline_.expired()) {
    return Error{.reason = Reason::kDeadlineExceeded,
                 .message = "the deadline had passed before the call began"};
  }
  return RouteAndSend(/*may_ask=*/true);
}

std::optional<Error> ToolCall::RouteAndSend(bool may_ask) {
  const std::shared_ptr<const RouteTable> table = service_.router().Current(lane_);
  Result<Route> route = table->Resolve(server_, params_.name);
  if (!route) {
    if (!may_ask || route.error().reason != Reason::kToolNotFound) return std::move(route).error();
    Ask(std::nullopt);
    return std::nullopt;
  }
  if (!route->unknown) return Send(*route);
  if (!may_ask) {
    return Error{.reason = Reason::kToolNotFound,
                 .message = "Unknown tool: " + params_.name,
                 .metadata = {{"tool", params_.name},
                              {"server", service_.config().servers[route->server].name}}};
  }
  Ask(route->server);
  return std::nullopt;
}

std::optional<Error> ToolCall::Send(const Route& route) {
  const ServerConfig& server = service_.config().servers[route.server];
  deadline_ = Min(deadline_, Deadline::After(server.timeout));
  Headers headers;
  for (auto& header : forwarded_) {
    const auto& names = server.extra_headers;
    if (std::find(names.begin(), names.end(), header.first) != names.end()) {
      headers.push_back(std::move(header));
    }
  }
  const std::string tool(route.name);
  params_.Rewrite(tool, params_.token_span.size == 0 ? "" : service_.NextProgressToken(lane_));
  auto exchange = service_.pool()
                      .upstream(route.server)
                      .Send(lane_,
                            UpstreamRequest{.method = "tools/call",
                                            .params = std::move(params_.raw),
                                            .deadline = deadline_,
                                            .headers = std::move(headers)},
                            *this);
  if (!exchange) return std::move(exchange).error();
  exchange_ = *std::move(exchange);
  ArmDeadline();
  return std::nullopt;
}

void ToolCall::ArmDeadline() {
  Disarm();
  lane_.deadlines().Arm(*this, deadline_);
}

void ToolCall::Ask(std::optional<std::size_t> server) {
  ArmDeadline();
  asking_ = std::make_shared<Alive>(Alive{this});
  const Deadline deadline = Min(deadline_, Deadline::After(kAskTime));
  if (server) {
    service_.pool().RefreshCatalogue(*server, ListKind::kTools, lane_, kMissMaxAge, deadline,
                                     // Never from within this call, which may still be starting.
                                     [&lane = lane_, alive = asking_](std::optional<Error> error) {
                                       lane.Post([alive, error = std::move(error)] {
                                         if (alive->call != nullptr) alive->call->OnAsked(error);
                                       });
                                     });
  } else {
    service_.lister().List(ListKind::kTools, lane_, "", kMissMaxAge, deadline,
                           [&lane = lane_, alive = asking_](const Result<Listing>&) {
                             lane.Post([alive] {
                               if (alive->call != nullptr) alive->call->OnAsked(std::nullopt);
                             });
                           });
  }
}

void ToolCall::OnAsked(const std::optional<Error>& error) {
  asking_.reset();
  std::optional<Error> failure = error ? error : RouteAndSend(/*may_ask=*/false);
  if (failure) End(*std::move(failure));
}

void ToolCall::OnReply(Result<jsonrpc::Message> message) { End(std::move(message)); }

void ToolCall::OnDeadline() {
  End(Error{.reason = Reason::kDeadlineExceeded,
            .message = "the deadline passed before the tool answered",
            .metadata = {{"tool", params_.name}}});
}

void ToolCall::End(Result<jsonrpc::Message> message) {
  Disarm();
  exchange_.reset();
  handler_.OnToolCallEnd(std::move(message));
}

}  // namespace mcpbridge

#include "server/frontend/http/http_initialize_call.h"

#include <algorithm>
#include <utility>

namespace mcpbridge {
namespace {

// The longest that a server which is still connecting holds up an answer.
constexpr std::chrono::seconds kConnectTime{5};
// However old: what counts is that the server has answered once.
constexpr std::chrono::milliseconds kAnyAge = std::chrono::hours(24 * 365);

}  // namespace

HttpInitializeCall::HttpInitializeCall(ToolService& service, ClientSessions& sessions,
                                       HttpResponder& responder, std::string id,
                                       ClientProfile profile)
    : service_(service),
      sessions_(sessions),
      responder_(responder),
      id_(std::move(id)),
      profile_(std::move(profile)) {}

HttpInitializeCall::~HttpInitializeCall() {
  alive_->call = nullptr;
  service_.Leave();
}

void HttpInitializeCall::Start(Lane& lane, const Scope& scope) {
  scope_ = scope;
  for (const std::size_t server : scope.Servers(service_.config())) {
    servers_.push_back(service_.config().servers[server].name);
    can_subscribe_.push_back(service_.config().servers[server].isolation == Isolation::kSession);
  }
  const bool connecting =
      std::any_of(servers_.begin(), servers_.end(), [this](const std::string& name) {
        return service_.status().Of(name).health == UpstreamHealth::kConnecting;
      });
  if (!connecting) return Answer();
  service_.lister().List(ListKind::kTools, lane, scope, kAnyAge, Deadline::After(kConnectTime),
                         [alive = alive_](const Result<Listing>&) {
                           if (alive->call != nullptr) alive->call->Answer();
                         });
}

void HttpInitializeCall::Answer() {
  std::vector<std::string> capabilities;
  std::string instructions;
  for (std::size_t i = 0; i < servers_.size(); ++i) {
    UpstreamStatus status = service_.status().Of(servers_[i]);
    capabilities.push_back(can_subscribe_[i] ? std::move(status.capabilities)
                                             : WithoutSubscribe(status.capabilities));
    if (servers_.size() == 1) instructions = std::move(status.instructions);
  }
  const std::string answer = InitializeAnswer(
      profile_.version, WithListChanges(MergeCapabilities(capabilities)), instructions);
  const auto session = sessions_.Create(std::move(profile_), std::move(scope_));
  if (!session) {
    responder_.Respond(HttpResponse::FromError(id_, session.error()));
    return;
  }
  if (opened_) opened_(*session);
  responder_.Respond({.body = jsonrpc::ResultMessage(id_, answer),
                      .headers = std::string(kSessionHeader) + ": " + (*session)->id() + "\r\n"});
}

}  // namespace mcpbridge

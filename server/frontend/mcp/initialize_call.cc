#include "server/frontend/mcp/initialize_call.h"

#include <algorithm>
#include <utility>

namespace mcpbridge {
namespace {

// The longest that a server which is still connecting holds up an answer.
constexpr std::chrono::seconds kConnectTime{5};
// However old: what counts is that the server has answered once.
constexpr std::chrono::milliseconds kAnyAge = std::chrono::hours(24 * 365);

}  // namespace

InitializeCall::InitializeCall(ToolService& service, ClientSessions& sessions, Reply& reply,
                               ClientProfile profile)
    : service_(service), sessions_(sessions), reply_(reply), profile_(std::move(profile)) {}

InitializeCall::~InitializeCall() {
  alive_->call = nullptr;
  service_.Leave();
}

void InitializeCall::Start(Lane& lane, const Scope& scope) {
  scope_ = scope;
  for (const std::size_t server : scope.Servers(service_.config())) {
    servers_.push_back(service_.config().servers[server].name);
  }
  const bool connecting =
      std::any_of(servers_.begin(), servers_.end(), [this](const std::string& name) {
        return service_.status().Of(name).health == UpstreamHealth::kConnecting;
      });
  if (!connecting) return Answer();
  service_.lister().List(service_.ViewFor(), ListKind::kTools, lane, scope, kAnyAge,
                         Deadline::After(kConnectTime), [alive = alive_](const Result<Listing>&) {
                           if (alive->call != nullptr) alive->call->Answer();
                         });
}

void InitializeCall::Answer() {
  std::vector<std::string> capabilities;
  std::string instructions;
  for (const std::string& name : servers_) {
    UpstreamStatus status = service_.status().Of(name);
    capabilities.push_back(std::move(status.capabilities));
    if (servers_.size() == 1) instructions = std::move(status.instructions);
  }
  const std::string answer = InitializeAnswer(
      profile_.version, WithListChanges(MergeCapabilities(capabilities)), instructions);
  const auto session = sessions_.Create(std::move(profile_), std::move(scope_));
  if (!session) return reply_.Fail(session.error());
  reply_.OnSession(*session);
  reply_.Result(answer);
}

}  // namespace mcpbridge

#include "server/frontend/mcp/initialize_call.h"

#include <algorithm>
#include <utility>

#include "server/mcp/modern.h"

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
  servers_ = scope.Servers(service_.config());
  const bool connecting = std::any_of(servers_.begin(), servers_.end(), [this](std::size_t server) {
    const std::string& name = service_.config().servers[server].name;
    return service_.status().Of(name).health == UpstreamHealth::kConnecting;
  });
  if (!connecting) return Answer();
  service_.lister().List(service_.ViewFor(), ListKind::kTools, lane, scope, kAnyAge,
                         Deadline::After(kConnectTime), [alive = alive_](const Result<Listing>&) {
                           if (alive->call != nullptr) alive->call->Answer();
                         });
}

// What the client is told of a server's tasks: of their version of MCP, and where they outlive the
// call that makes them.
TaskUse InitializeCall::TasksOf(const UpstreamStatus& status, Isolation isolation) const {
  if (profile_.version != kNewestLegacyVersion || IsModernVersion(status.protocol_version) ||
      isolation == Isolation::kCall) {
    return TaskUse::kNone;
  }
  return isolation == Isolation::kShared ? TaskUse::kById : TaskUse::kListed;
}

void InitializeCall::Answer() {
  std::vector<std::string> capabilities;
  std::string instructions;
  for (const std::size_t server : servers_) {
    const ServerConfig& config = service_.config().servers[server];
    UpstreamStatus status = service_.status().Of(config.name);
    std::string declared = WithTasksFor(TasksOf(status, config.isolation), status.capabilities);
    capabilities.push_back(config.isolation == Isolation::kSession ? std::move(declared)
                                                                   : WithoutSubscribe(declared));
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

#include "server/frontend/http/http_discover_call.h"

#include <utility>
#include <vector>

#include "server/mcp/initialize.h"
#include "server/mcp/json_members.h"
#include "server/mcp/modern.h"
#include "server/mcp/modern_meta.h"

namespace mcpbridge {
namespace {

// The longest that a server holds up an answer that can be given without it.
constexpr std::chrono::seconds kAskTime{5};

// The bridge asks for itself: what a server declares is the same for all.
class NoHeaders final : public CallerHeaders {
 public:
  std::optional<std::string_view> Get(std::string_view) const override { return std::nullopt; }
};

}  // namespace

HttpDiscoverCall::HttpDiscoverCall(ToolService& service, Lane& lane, Reply reply)
    : service_(service), lane_(lane), reply_(std::move(reply)) {}

HttpDiscoverCall::~HttpDiscoverCall() {
  call_.reset();
  service_.Leave();
}

void HttpDiscoverCall::Start(Scope scope) {
  scope_ = std::move(scope);
  if (!scope_.Only(service_.config())) return AnswerFromStatus();
  NoHeaders headers;
  call_.emplace(service_, lane_, static_cast<RoutedCall::Handler&>(*this));
  const auto error = call_->Start(
      CallRequest{.scope = scope_,
                  .params = ReadCallParams(CallMethod::kDiscover, BridgeParams()).value(),
                  .deadline = Deadline::After(kAskTime),
                  .headers = headers,
                  .modern = true});
  if (error) AnswerFromStatus();
}

void HttpDiscoverCall::OnCallEnd(Result<jsonrpc::Message> message) {
  const bool answered = message && message->kind == jsonrpc::Kind::kResult;
  const auto members = answered ? JsonMembers::Read(message->result) : std::nullopt;
  const auto capabilities = members ? members->Get("capabilities") : std::nullopt;
  if (!capabilities) return AnswerFromStatus();
  Answer(MergeCapabilities({std::string(*capabilities)}, /*modern=*/true),
         members->Get("instructions").value_or(""));
}

void HttpDiscoverCall::AnswerFromStatus() {
  std::vector<std::string> capabilities;
  std::string instructions;
  for (const std::size_t server : scope_.Servers(service_.config())) {
    const ServerConfig& config = service_.config().servers[server];
    UpstreamStatus status = service_.status().Of(config.name);
    capabilities.push_back(config.isolation == Isolation::kSession
                               ? std::move(status.capabilities)
                               : WithoutSubscribe(status.capabilities));
    instructions = std::move(status.instructions);
  }
  if (capabilities.size() != 1) instructions.clear();
  // One server of that era answers subscriptions itself; otherwise the bridge does
  // (HttpListenCall).
  const auto only = scope_.Only(service_.config());
  const std::string merged = MergeCapabilities(capabilities, /*modern=*/true);
  Answer(only && service_.pool().IsModernOnly(*only) ? merged : WithListChanges(merged),
         instructions);
}

void HttpDiscoverCall::Answer(std::string_view capabilities, std::string_view instructions) {
  reply_.Result(
      DiscoverResult(capabilities, instructions, service_.config().bridge.catalogue_ttl.count()));
}

}  // namespace mcpbridge

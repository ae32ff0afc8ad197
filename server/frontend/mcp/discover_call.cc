#include "server/frontend/mcp/discover_call.h"

#include <optional>
#include <utility>

#include "server/mcp/initialize.h"
#include "server/mcp/json_members.h"
#include "server/mcp/modern.h"
#include "server/mcp/modern_meta.h"
#include "server/mcp/tasks.h"

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

class DiscoverCall::Part final : private RoutedCall::Handler {
 public:
  Part(DiscoverCall& owner, std::size_t server)
      : owner_(owner),
        name_(ConfigOf(owner, server).name),
        isolation_(ConfigOf(owner, server).isolation),
        transport_(ConfigOf(owner, server).transport),
        server_(server) {}

  void Ask() {
    NoHeaders headers;
    call_.emplace(owner_.service_, owner_.lane_, static_cast<RoutedCall::Handler&>(*this));
    const auto error = call_->Start(
        CallRequest{.scope = Scope(server_),
                    .params = ReadCallParams(CallMethod::kDiscover, BridgeParams()).value(),
                    .deadline = Deadline::After(kAskTime),
                    .headers = headers,
                    .modern = true});
    if (error) TakeStatus();
  }

  // What is known of it anyway.
  void TakeStatus() {
    UpstreamStatus status = owner_.service_.status().Of(name_);
    is_modern_ = IsModernVersion(status.protocol_version);
    capabilities_ = is_modern_ ? std::move(status.capabilities) : WithoutTasks(status.capabilities);
    if (isolation_ != Isolation::kSession) capabilities_ = WithoutSubscribe(capabilities_);
    instructions_ = std::move(status.instructions);
    owner_.OnPartEnd();
  }

  // Whether the server itself has answered, or is known to be of that era.
  bool is_modern() const { return is_modern_ && transport_ != TransportKind::kGrpc; }
  const std::string& capabilities() const { return capabilities_; }  // raw
  const std::string& instructions() const { return instructions_; }  // raw; empty: none

 private:
  static const ServerConfig& ConfigOf(const DiscoverCall& owner, std::size_t server) {
    return owner.service_.config().servers[server];
  }

  void OnCallEnd(Result<jsonrpc::Message> message) override {
    const bool answered = message && message->kind == jsonrpc::Kind::kResult;
    const auto members = answered ? JsonMembers::Read(message->result) : std::nullopt;
    const auto capabilities = members ? members->Get("capabilities") : std::nullopt;
    if (!capabilities) return TakeStatus();
    is_modern_ = true;
    capabilities_ = *capabilities;
    // Several servers' subscriptions are the bridge's to keep.
    const bool is_alone = owner_.parts_.size() == 1;
    if (!is_alone && isolation_ != Isolation::kSession) {
      capabilities_ = WithoutSubscribe(capabilities_);
    }
    instructions_ = members->Get("instructions").value_or("");
    owner_.OnPartEnd();
  }

  DiscoverCall& owner_;
  const std::string name_;
  const Isolation isolation_;
  const TransportKind transport_;
  const std::size_t server_;
  std::optional<RoutedCall> call_;
  bool is_modern_ = false;
  std::string capabilities_;
  std::string instructions_;
};

DiscoverCall::DiscoverCall(ToolService& service, Lane& lane, Reply& reply)
    : service_(service), lane_(lane), reply_(reply) {}

DiscoverCall::~DiscoverCall() {
  parts_.clear();
  service_.Leave();
}

void DiscoverCall::Start(const Scope& scope) {
  const std::vector<std::size_t> servers = scope.Servers(service_.config());
  if (servers.empty()) {
    return reply_.Fail(Error{.reason = Reason::kServerNotFound,
                             .message = "none of these servers is configured any more"});
  }
  left_ = servers.size();
  for (const std::size_t server : servers) {
    parts_.push_back(std::make_unique<Part>(*this, server));
  }
  // A part may end at once, and the last one's end this.
  for (std::size_t i = 0; i < servers.size(); ++i) {
    // Of several servers not every process is started for what may never be used.
    const bool is_process =
        service_.config().servers[servers[i]].transport == TransportKind::kStdio;
    const bool is_asked = servers.size() == 1 || !is_process;
    is_asked ? parts_[i]->Ask() : parts_[i]->TakeStatus();
  }
}

void DiscoverCall::OnPartEnd() {
  if (--left_ == 0) Answer();
}

void DiscoverCall::Answer() {
  std::vector<std::string> capabilities;
  for (const auto& part : parts_) capabilities.push_back(part->capabilities());
  const std::string& instructions = parts_.front()->instructions();
  // One server of that era answers subscriptions itself; otherwise the bridge does (ListenCall).
  const std::string merged = MergeCapabilities(capabilities, /*modern=*/true);
  const bool is_servers_own = parts_.size() == 1 && parts_.front()->is_modern();
  reply_.Result(DiscoverResult(is_servers_own ? merged : WithListChanges(merged),
                               parts_.size() == 1 ? instructions : std::string(),
                               service_.config().bridge.catalogue_ttl.count()));
}

}  // namespace mcpbridge

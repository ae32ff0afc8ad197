#include "server/frontend/mcp/set_level_call.h"

#include "server/mcp/initialize.h"
#include "server/service/list_page.h"

namespace mcpbridge {

class SetLevelCall::Part final : private RoutedCall::Handler {
 public:
  Part(SetLevelCall& owner, std::size_t server) : owner_(owner), server_(server) {
    call_.emplace(owner.service_, owner.lane_, static_cast<RoutedCall::Handler&>(*this));
  }

  void Start(CallRequest request) {
    request.scope = Scope(server_);
    if (auto error = call_->Start(std::move(request))) owner_.OnPartEnd(server_, std::move(error));
  }

 private:
  void OnCallEnd(Result<jsonrpc::Message> message) override {
    std::optional<Error> failure;
    if (!message) {
      failure = std::move(message).error();
    } else if (message->kind == jsonrpc::Kind::kError) {
      failure = jsonrpc::UpstreamErrorOf(message->error);
    }
    owner_.OnPartEnd(server_, std::move(failure));
  }

  SetLevelCall& owner_;
  const std::size_t server_;
  std::optional<RoutedCall> call_;
};

SetLevelCall::SetLevelCall(ToolService& service, Lane& lane, Reply& reply)
    : service_(service), lane_(lane), reply_(reply) {}

SetLevelCall::~SetLevelCall() {
  parts_.clear();
  service_.Leave();
}

void SetLevelCall::Start(const CallRequest& request) {
  std::vector<std::size_t> servers;
  for (const std::size_t server : request.scope.Servers(service_.config())) {
    const std::string& name = service_.config().servers[server].name;
    const UpstreamStatus status = service_.status().Of(name);
    if (status.protocol_version.empty()) {
      failures_.emplace_back(
          name, Error{.reason = Reason::kUpstreamUnavailable, .message = "has not connected yet"});
    } else if (Declares(status.capabilities, "logging")) {
      servers.push_back(server);
    }
  }
  if (!servers.empty()) return StartParts(request, servers);
  reply_.Fail(failures_.empty() ? Error{.reason = Reason::kMethodNotFound,
                                        .message = "none of these servers has log levels"}
                                : failures_.front().second);
}

void SetLevelCall::StartParts(const CallRequest& request, const std::vector<std::size_t>& servers) {
  left_ = servers.size();
  for (const std::size_t server : servers) {
    parts_.push_back(std::make_unique<Part>(*this, server));
  }
  // A part may end at once, and the last one's end this.
  for (std::size_t i = 0; i < servers.size(); ++i) parts_[i]->Start(request);
}

void SetLevelCall::OnPartEnd(std::size_t server, std::optional<Error> failure) {
  if (failure) {
    failures_.emplace_back(service_.config().servers[server].name, *std::move(failure));
  } else {
    ++succeeded_;
  }
  if (--left_ == 0) Answer();
}

void SetLevelCall::Answer() {
  if (succeeded_ == 0) return reply_.Fail(failures_.front().second);
  if (failures_.empty()) return reply_.Result("{}");
  reply_.Result(R"({"_meta":)" + UnavailableMeta(failures_) + "}");
}

}  // namespace mcpbridge

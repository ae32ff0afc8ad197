#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "server/frontend/mcp/mcp_call.h"
#include "server/frontend/mcp/reply.h"
#include "server/service/routed_call.h"

namespace mcpbridge {

// A server/discover. Where there is one server, and it speaks that era, with what it declares
// there; otherwise with what the servers declared in `initialize`. Never fails because a server
// does. Lane-only.
class DiscoverCall final : public McpCall, private RoutedCall::Handler {
 public:
  // `service` has let the call in (Enter()); this gives its place back.
  DiscoverCall(ToolService& service, Lane& lane, Reply& reply);
  ~DiscoverCall() override;

  void Start(Scope scope);

 private:
  void OnCallEnd(Result<jsonrpc::Message> message) override;
  void AnswerFromStatus();
  void Answer(std::string_view capabilities, std::string_view instructions);

  ToolService& service_;
  Lane& lane_;
  Reply& reply_;
  Scope scope_;
  std::optional<RoutedCall> call_;
};

}  // namespace mcpbridge

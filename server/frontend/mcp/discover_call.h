#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "server/frontend/mcp/mcp_call.h"
#include "server/frontend/mcp/reply.h"
#include "server/service/routed_call.h"

namespace mcpbridge {

// A server/discover. With what each server declares in that era, where it speaks it and can be
// asked without a process being started for that; otherwise with what it declared in `initialize`.
// Never fails because a server does. Lane-only.
class DiscoverCall final : public McpCall {
 public:
  // `service` has let the call in (Enter()); this gives its place back.
  DiscoverCall(ToolService& service, Lane& lane, Reply& reply);
  ~DiscoverCall() override;

  void Start(const Scope& scope);

 private:
  // The part of one server.
  class Part;

  void OnPartEnd();
  void Answer();

  ToolService& service_;
  Lane& lane_;
  Reply& reply_;
  std::vector<std::unique_ptr<Part>> parts_;  // in the order of servers
  std::size_t left_ = 0;                      // of parts_
};

}  // namespace mcpbridge

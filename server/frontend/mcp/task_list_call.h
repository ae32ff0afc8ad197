#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/frontend/mcp/mcp_call.h"
#include "server/frontend/mcp/reply.h"
#include "server/service/routed_call.h"
#include "server/service/task_list.h"

namespace mcpbridge {

// A tasks/list of several servers: each that lists tasks is asked for a page, and it has succeeded
// where one of them gave it. Who didn't is named in the result's _meta["mcp-bridge/unavailable"].
// Lane-only.
class TaskListCall final : public McpCall {
 public:
  // `service` has let the call in (Enter()); this gives its place back.
  TaskListCall(ToolService& service, Lane& lane, Reply& reply);
  ~TaskListCall() override;

  void Start(CallRequest request);

 private:
  // The part of one server.
  class Part;

  Result<TaskPositions> PositionsOf(const CallRequest& request) const;
  void OnPartEnd();
  void Answer();

  ToolService& service_;
  Lane& lane_;
  Reply& reply_;
  Scope scope_;
  std::vector<std::unique_ptr<Part>> parts_;  // in the order of servers
  std::size_t left_ = 0;                      // of parts_
};

}  // namespace mcpbridge

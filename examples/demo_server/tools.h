#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "examples/demo_server/rpc_reader.h"
#include "examples/demo_server/stats.h"

namespace mcpbridge::demo {

// The raw JSON result of tools/list, with `more` tools (tool_0, tool_1, ...) that do as echo does.
std::string ToolListResult(int more);

// What a tools/call comes to.
struct ToolPlan {
  bool known = true;  // false: there is no such tool
  // The result goes out after `steps` intervals; 0: at once. With progress, after each of them a
  // notifications/progress goes out.
  int steps = 0;
  std::chrono::milliseconds interval{0};
  bool progress = false;
};

// Decides on one call and replaces `result` by its raw JSON result. A tool's own failures, missing
// arguments among them, are results with isError.
ToolPlan PlanTool(const CallParams& call, RpcReader& reader, std::chrono::milliseconds my_tool_time,
                  const Stats& stats, std::string& result);

}  // namespace mcpbridge::demo

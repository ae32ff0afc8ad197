#pragma once

#include "mcpbridge/outcome.h"
#include "mcpbridge/tools.h"
#include "mcpbridge/v1/tool_service.pb.h"

// Our values to and from the messages of mcpbridge.v1. Pure functions.
namespace mcpbridge::client {

// Errors: kInvalidArgument, where `meta_json` is not a JSON object.
Outcome<v1::CallToolRequest> MessageOf(const CallRequest& request);

// Takes what it can from `response` without copying.
CallResult ResultOf(v1::CallToolResponse&& response);

Progress ProgressOf(v1::Progress&& progress);
LogMessage LogMessageOf(v1::LogMessage&& message);

Tool ToolOf(v1::Tool&& tool);
Server ServerOf(v1::Server&& server);

}  // namespace mcpbridge::client

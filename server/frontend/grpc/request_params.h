#pragma once

#include <mcpbridge/v1/completion_service.pb.h>
#include <mcpbridge/v1/prompt_service.pb.h>
#include <mcpbridge/v1/resource_service.pb.h>
#include <mcpbridge/v1/tool_service.pb.h>

#include <string>

#include "server/base/error.h"
#include "server/mcp/call_params.h"

namespace mcpbridge {

// What an RPC asks one server for.
struct RoutedRequest {
  std::string server;  // empty: none named
  CallParams params;
  // It says in `_meta` who sends it, as MCP 2026-07-28 does: its caller can be asked something.
  bool modern = false;
};

// What a request of mcpbridge.v1 asks for. Errors: kInvalidArguments.
Result<RoutedRequest> RoutedRequestOf(const v1::CallToolRequest& request);
// The same with progress wanted, also where the call has no progress token.
Result<RoutedRequest> RoutedRequestOf(const v1::CallToolStreamRequest& request);
Result<RoutedRequest> RoutedRequestOf(const v1::ReadResourceRequest& request);
Result<RoutedRequest> RoutedRequestOf(const v1::GetPromptRequest& request);
Result<RoutedRequest> RoutedRequestOf(const v1::CompleteRequest& request);

}  // namespace mcpbridge

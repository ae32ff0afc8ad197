#pragma once

#include <mcpbridge/v1/completion_service.pb.h>
#include <mcpbridge/v1/prompt_service.pb.h>
#include <mcpbridge/v1/resource_service.pb.h>
#include <mcpbridge/v1/tool_service.pb.h>
#include <model_context_protocol/mcp.pb.h>

// The messages of Google's MCP service to and from ours. What theirs can't say is left out, but for
// content, which is never lost. Pure functions; what is moved from is left empty.
namespace mcpbridge {

namespace gm = model_context_protocol;

v1::CallToolRequest ToOurs(const gm::CallToolRequest& request);
v1::ReadResourceRequest ToOurs(const gm::ReadResourceRequest& request);
v1::GetPromptRequest ToOurs(const gm::GetPromptRequest& request);
v1::CompleteRequest ToOurs(const gm::CompletionRequest& request);

void ToTheirs(v1::CallToolResponse&& from, gm::CallToolResponse& to);
void ToTheirs(v1::ReadResourceResponse&& from, gm::ReadResourceResponse& to);
void ToTheirs(v1::GetPromptResponse&& from, gm::GetPromptResponse& to);
void ToTheirs(v1::CompleteResponse&& from, gm::CompletionResponse& to);

// Adds all items.
void ToTheirs(v1::ListToolsResponse&& from, gm::ListToolsResponse& to);
void ToTheirs(v1::ListResourcesResponse&& from, gm::ListResourcesResponse& to);
void ToTheirs(v1::ListResourceTemplatesResponse&& from, gm::ListResourceTemplatesResponse& to);
void ToTheirs(v1::ListPromptsResponse&& from, gm::ListPromptsResponse& to);

}  // namespace mcpbridge

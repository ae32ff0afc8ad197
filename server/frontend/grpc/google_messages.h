#pragma once

#include <mcpbridge/v1/completion_service.pb.h>
#include <mcpbridge/v1/prompt_service.pb.h>
#include <mcpbridge/v1/resource_service.pb.h>
#include <mcpbridge/v1/tool_service.pb.h>
#include <model_context_protocol/mcp.pb.h>

#include <optional>

#include "server/base/error.h"
#include "server/protojson/google_questions.h"

// The messages of Google's MCP service to and from ours. What theirs can't say is left out, but for
// content, which is never lost. Pure functions; what is moved from is left empty.
namespace mcpbridge {

// A request whose metadata has the capabilities of its caller is of one that can be asked.
v1::CallToolRequest ToOurs(const gm::CallToolRequest& request);
v1::ReadResourceRequest ToOurs(const gm::ReadResourceRequest& request);
v1::GetPromptRequest ToOurs(const gm::GetPromptRequest& request);
v1::CompleteRequest ToOurs(const gm::CompletionRequest& request);

// Error: kUpstreamProtocol, the server has a question that theirs can't say.
std::optional<Error> ToTheirs(v1::CallToolResponse&& from, gm::CallToolResponse& to);
std::optional<Error> ToTheirs(v1::ReadResourceResponse&& from, gm::ReadResourceResponse& to);
std::optional<Error> ToTheirs(v1::GetPromptResponse&& from, gm::GetPromptResponse& to);
std::optional<Error> ToTheirs(v1::CompleteResponse&& from, gm::CompletionResponse& to);

// Adds all items.
void ToTheirs(v1::ListToolsResponse&& from, gm::ListToolsResponse& to);
void ToTheirs(v1::ListResourcesResponse&& from, gm::ListResourcesResponse& to);
void ToTheirs(v1::ListResourceTemplatesResponse&& from, gm::ListResourceTemplatesResponse& to);
void ToTheirs(v1::ListPromptsResponse&& from, gm::ListPromptsResponse& to);

}  // namespace mcpbridge

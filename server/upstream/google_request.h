#pragma once

#include <string>
#include <string_view>

#include "server/base/error.h"

namespace mcpbridge {

// One request of MCP's as an RPC of Google's service, model_context_protocol.Mcp.
struct GoogleRequest {
  std::string path;  // of the RPC
  std::string body;  // the message, serialised
  // Metadata that repeats what the request is about: mcp_tool, mcp_prompt or mcp_resource and what
  // it is called. Both empty: none.
  std::string header = {};
  std::string header_value = {};
};

// `params`, raw (empty: none), of a request for `method`. A progress token is left out, as nothing
// could come back. Pure, on any thread. Errors: kMethodNotFound (their service has no such RPC);
// kInvalidArguments (what their messages can't say: a number that no double holds, arguments of a
// prompt that are no strings, nesting deeper than protobuf's readers go).
Result<GoogleRequest> ToGoogleRequest(std::string_view method, std::string_view params);

}  // namespace mcpbridge

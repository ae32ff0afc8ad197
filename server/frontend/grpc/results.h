#pragma once

#include <mcpbridge/v1/completion_service.pb.h>
#include <mcpbridge/v1/prompt_service.pb.h>
#include <mcpbridge/v1/resource_service.pb.h>
#include <mcpbridge/v1/tool_service.pb.h>

#include <optional>

#include "server/base/error.h"
#include "server/jsonrpc/message.h"

namespace mcpbridge {

// Each fills an empty `out` from `result` (kind kResult), on the parse that made it. `level`: how
// deep `out` stands in the message that is sent.
//
// Typed, members and fields that the proto doesn't know are left out, and a member that is null is
// absent. RESULT_FORMAT_JSON fills in the text itself, `is_error` and `input_required` only.
//
// Errors: kUpstreamProtocol (not JSON all the way down; typed also a member of the wrong type,
// bytes that aren't base64, something missing), naming the member; typed also kResponseTooLarge
// (nested deeper than protobuf's readers go).
std::optional<Error> FillResult(jsonrpc::Message& result, v1::ResultFormat format,
                                v1::CallToolResponse& out, int level = 0);
std::optional<Error> FillResult(jsonrpc::Message& result, v1::ResultFormat format,
                                v1::ReadResourceResponse& out);
std::optional<Error> FillResult(jsonrpc::Message& result, v1::ResultFormat format,
                                v1::GetPromptResponse& out);
// Always typed.
std::optional<Error> FillResult(jsonrpc::Message& result, v1::CompleteResponse& out);

}  // namespace mcpbridge

#pragma once

#include <mcpbridge/v1/tool_service.pb.h>

#include <optional>
#include <string>
#include <string_view>

#include "server/base/error.h"
#include "server/jsonrpc/message.h"

namespace mcpbridge {

// Fills an empty `out` from `message`, the result of a tools/call (kind kResult), on the parse that
// made it. Members and fields that the proto doesn't know are left out; a block of content whose
// type it doesn't know is given as JSON. A member that is null is absent. Errors: kUpstreamProtocol
// (a member of the wrong type, bytes that aren't base64, no text where there must be some), naming
// the member; kResponseTooLarge (nested deeper than protobuf's readers go).
std::optional<Error> FillTypedResult(jsonrpc::Message& message, v1::CallToolResponse& out);

// Fills in `result_json` and `is_error` only. Error: kUpstreamProtocol (not an object, not JSON all
// the way down, isError not a boolean).
std::optional<Error> FillJsonResult(jsonrpc::Message& message, v1::CallToolResponse& out);

// Bytes of `text` in standard base64 (RFC 4648, section 4), padded, with nothing else in it. False:
// it isn't; `out` is then unspecified.
bool DecodeBase64(std::string_view text, std::string& out);

}  // namespace mcpbridge

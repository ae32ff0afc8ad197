#pragma once

#include <mcpbridge/v1/tool_service.pb.h>

#include <string>
#include <string_view>

namespace mcpbridge {

// What a server says in the course of a call, as an event. One that can't be read typed comes as a
// Notification with its params as they are.
v1::CallToolStreamResponse EventOf(std::string_view method, std::string params,
                                   v1::ResultFormat format);

// Whether a caller who wants log messages from `least` on wants one of `level`. Both as MCP writes
// them; a level that isn't MCP's is wanted, and an empty `least` is the least there is.
bool IsWanted(std::string_view level, std::string_view least);

}  // namespace mcpbridge

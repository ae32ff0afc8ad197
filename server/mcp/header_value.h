#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mcpbridge {

// Any text as the value of an HTTP header, the way MCP 2026-07-28 does it.

// `value` as the value of a header: itself where it is printable ASCII with no space around it,
// otherwise =?base64?...?=.
std::string EncodeHeaderValue(std::string_view value);

// The value that a header's value stands for, without white space around it. nullopt: not to be
// had from a correct client (base64 that isn't canonical, characters that had to be encoded).
std::optional<std::string> DecodeHeaderValue(std::string_view value);

}  // namespace mcpbridge

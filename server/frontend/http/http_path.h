#pragma once

#include <string>
#include <string_view>

namespace mcpbridge {

// Where clients of HTTP+SSE post to.
inline constexpr std::string_view kSseMessagesPath = "/sse/messages";

// Where a path leads.
struct HttpPath {
  enum class Kind { kUnknown, kMcp, kSse, kSseMessages, kHealthz, kReadyz };
  Kind kind = Kind::kUnknown;
  // With kMcp, decoded: what it names, servers or access groups by commas; empty: nothing.
  std::string names;

  // /mcp, /mcp/, /mcp/{names}, /{names}/mcp, each with or without a slash at the end; the query is
  // ignored.
  static HttpPath Parse(std::string_view target);
};

// The value of `name` in a target's query; empty: there is none.
std::string_view QueryValue(std::string_view target, std::string_view name);

}  // namespace mcpbridge

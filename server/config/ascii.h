#pragma once

#include <string_view>

namespace mcpbridge {

// ASCII only, whatever the locale.
inline bool IsDigit(char c) { return c >= '0' && c <= '9'; }
inline bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
inline bool IsOneOf(char c, std::string_view set) { return set.find(c) != set.npos; }

}  // namespace mcpbridge

#pragma once

#include <string_view>

namespace mcpbridge {

// Of the project; CMakeLists.txt's project(VERSION) is the source.
inline constexpr std::string_view kVersion = MCPBRIDGE_VERSION;

}  // namespace mcpbridge

#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace mcpbridge {

// Which way a call came in.
enum class Front {
  kHttp,    // also over the admin listener
  kGrpc,    // also on a client's own stream (Connect)
  kBridge,  // the bridge itself asks, for a subscription that it keeps up
};

inline constexpr std::size_t kFronts = 3;
inline constexpr std::array<std::string_view, kFronts> kFrontNames{"http", "grpc", "bridge"};

constexpr std::size_t IndexOf(Front front) { return static_cast<std::size_t>(front); }
constexpr std::string_view NameOf(Front front) { return kFrontNames[IndexOf(front)]; }

}  // namespace mcpbridge

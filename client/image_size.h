#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace mcpbridge::client {

struct ImageSize {
  std::uint32_t width = 0;  // pixels
  std::uint32_t height = 0;
};

// The size of a PNG, GIF or JPEG, from its header alone. nullopt: it is none of them, or cut short.
std::optional<ImageSize> ImageSizeOf(std::string_view image);

}  // namespace mcpbridge::client

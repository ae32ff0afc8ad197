#include "client/image_size.h"

#include <cstddef>

namespace mcpbridge::client {
namespace {

std::uint32_t ByteAt(std::string_view bytes, std::size_t at) {
  return static_cast<unsigned char>(bytes[at]);
}

// Two bytes, the higher one first. `at` + 2 is within `bytes`.
std::uint32_t BigAt(std::string_view bytes, std::size_t at) {
  return ByteAt(bytes, at) << 8 | ByteAt(bytes, at + 1);
}

// The first chunk of a PNG, after 8 bytes of signature, is IHDR: length, name, width, height.
std::optional<ImageSize> PngSize(std::string_view png) {
  if (png.size() < 24 || png.substr(12, 4) != "IHDR") return std::nullopt;
  return ImageSize{.width = BigAt(png, 16) << 16 | BigAt(png, 18),
                   .height = BigAt(png, 20) << 16 | BigAt(png, 22)};
}

// Six bytes of signature and version, then width and height, the lower byte first.
std::optional<ImageSize> GifSize(std::string_view gif) {
  if (gif.size() < 10) return std::nullopt;
  return ImageSize{.width = ByteAt(gif, 7) << 8 | ByteAt(gif, 6),
                   .height = ByteAt(gif, 9) << 8 | ByteAt(gif, 8)};
}

// Segments of marker and length, until that of a frame (SOF), which has the size.
std::optional<ImageSize> JpegSize(std::string_view jpeg) {
  std::size_t at = 2;
  while (at + 9 <= jpeg.size() && ByteAt(jpeg, at) == 0xff) {
    const auto marker = ByteAt(jpeg, at + 1);
    // Not a frame, though numbered among them: tables (C4), an extension (C8), conditioning (CC).
    const bool is_frame =
        marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
    if (is_frame) return ImageSize{.width = BigAt(jpeg, at + 7), .height = BigAt(jpeg, at + 5)};
    at += 2 + BigAt(jpeg, at + 2);
  }
  return std::nullopt;
}

}  // namespace

std::optional<ImageSize> ImageSizeOf(std::string_view image) {
  if (image.starts_with("\x89PNG\r\n\x1a\n")) return PngSize(image);
  if (image.starts_with("GIF87a") || image.starts_with("GIF89a")) return GifSize(image);
  if (image.starts_with("\xff\xd8")) return JpegSize(image);
  return std::nullopt;
}

}  // namespace mcpbridge::client

#include "server/protojson/base64.h"

#include <array>
#include <cstddef>
#include <cstdint>

namespace mcpbridge {
namespace {

constexpr std::uint8_t kInvalid = 0xff;

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::array<std::uint8_t, 256> kBase64Values = [] {
  std::array<std::uint8_t, 256> values{};
  for (auto& value : values) value = kInvalid;
  for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
    values[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::uint8_t>(i);
  }
  return values;
}();

}  // namespace

bool DecodeBase64(std::string_view text, std::string& out) {
  if (text.size() % 4 != 0) return false;
  std::size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  out.resize(text.size() / 4 * 3);
  const auto* in = reinterpret_cast<const unsigned char*>(text.data());
  const auto* const end = in + text.size() - (padding > 0 ? 4 : 0);
  char* to = out.data();
  std::uint8_t seen = 0;  // an invalid character sets bits that no value has
  for (; in != end; in += 4, to += 3) {
    const std::uint8_t a = kBase64Values[in[0]], b = kBase64Values[in[1]];
    const std::uint8_t c = kBase64Values[in[2]], d = kBase64Values[in[3]];
    seen = static_cast<std::uint8_t>(seen | a | b | c | d);
    to[0] = static_cast<char>(a << 2 | b >> 4);
    to[1] = static_cast<char>(b << 4 | c >> 2);
    to[2] = static_cast<char>(c << 6 | d);
  }
  if (padding > 0) {
    const std::uint8_t a = kBase64Values[in[0]], b = kBase64Values[in[1]];
    const std::uint8_t c = padding == 1 ? kBase64Values[in[2]] : std::uint8_t{0};
    seen = static_cast<std::uint8_t>(seen | a | b | c);
    // Bits that belong to no byte must be zero: there is one way only to write the same bytes.
    if (padding == 2 ? (b & 0xf) != 0 : (c & 0x3) != 0) return false;
    to[0] = static_cast<char>(a << 2 | b >> 4);
    to[1] = static_cast<char>(b << 4 | c >> 2);
    out.resize(out.size() - padding);
  }
  return (seen & 0xc0) == 0;
}

void AppendBase64(std::string& out, std::string_view bytes) {
  const std::size_t begin = out.size();
  out.resize(begin + (bytes.size() + 2) / 3 * 4, '=');
  char* to = out.data() + begin;
  const auto* in = reinterpret_cast<const unsigned char*>(bytes.data());
  std::size_t left = bytes.size();
  for (; left >= 3; left -= 3, in += 3, to += 4) {
    to[0] = kAlphabet[in[0] >> 2];
    to[1] = kAlphabet[(in[0] & 0x3) << 4 | in[1] >> 4];
    to[2] = kAlphabet[(in[1] & 0xf) << 2 | in[2] >> 6];
    to[3] = kAlphabet[in[2] & 0x3f];
  }
  if (left == 0) return;
  const unsigned second = left == 2 ? in[1] : 0U;
  to[0] = kAlphabet[in[0] >> 2];
  to[1] = kAlphabet[(in[0] & 0x3U) << 4 | second >> 4];
  if (left == 2) to[2] = kAlphabet[(second & 0xfU) << 2];
}

}  // namespace mcpbridge

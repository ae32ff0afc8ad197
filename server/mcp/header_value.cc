#include "server/mcp/header_value.h"

#include <simdjson.h>

#include <algorithm>

namespace mcpbridge {
namespace {

constexpr std::string_view kSentinelBegin = "=?base64?";
constexpr std::string_view kSentinelEnd = "?=";
constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string_view Trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

bool IsPrintable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

bool LooksEncoded(std::string_view text) {
  return text.size() >= kSentinelBegin.size() + kSentinelEnd.size() &&
         text.starts_with(kSentinelBegin) && text.ends_with(kSentinelEnd);
}

std::string ToBase64(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    unsigned group = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      group = group << 8 | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0u);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      out += i + j <= bytes.size() ? kAlphabet[group >> (18 - 6 * j) & 63] : '=';
    }
  }
  return out;
}

// The bytes of canonical base64: padded, nothing else in it, no bits left over.
std::optional<std::string> FromBase64(std::string_view text) {
  std::string out;
  unsigned bits = 0;
  int bit_count = 0;
  for (const char c : text) {
    if (c == '=') break;
    const std::size_t digit = kAlphabet.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    bits = (bits << 6 | static_cast<unsigned>(digit)) & 0xfff;
    if ((bit_count += 6) >= 8) {
      bit_count -= 8;
      out += static_cast<char>(bits >> bit_count & 0xff);
    }
  }
  if (ToBase64(out) != text) return std::nullopt;
  return out;
}

}  // namespace

std::string EncodeHeaderValue(std::string_view value) {
  if (IsPrintable(value) && Trim(value) == value && !LooksEncoded(value)) return std::string(value);
  return std::string(kSentinelBegin).append(ToBase64(value)).append(kSentinelEnd);
}

std::optional<std::string> DecodeHeaderValue(std::string_view value) {
  value = Trim(value);
  if (!IsPrintable(value)) return std::nullopt;
  if (!LooksEncoded(value)) return std::string(value);
  value.remove_prefix(kSentinelBegin.size());
  value.remove_suffix(kSentinelEnd.size());
  std::optional<std::string> text = FromBase64(value);
  if (text && !simdjson::validate_utf8(text->data(), text->size())) return std::nullopt;
  return text;
}

}  // namespace mcpbridge

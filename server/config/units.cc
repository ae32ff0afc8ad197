#include "server/config/units.h"

#include <charconv>
#include <cmath>
#include <string>

#include "server/config/ascii.h"

namespace mcpbridge {
namespace {

constexpr double kMaxMilliseconds = 365.0 * 24 * 60 * 60 * 1000;
constexpr std::uint64_t kMaxSize = 1ULL << 50;

std::optional<double> MillisecondsPer(std::string_view unit) {
  if (unit == "ms") return 1;
  if (unit.empty() || unit == "s") return 1000;
  if (unit == "m") return 60.0 * 1000;
  if (unit == "h") return 60.0 * 60 * 1000;
  return std::nullopt;
}

std::optional<std::uint64_t> BytesPer(std::string_view unit) {
  if (unit.empty() || unit == "B") return 1;
  if (unit == "KiB") return 1ULL << 10;
  if (unit == "MiB") return 1ULL << 20;
  if (unit == "GiB") return 1ULL << 30;
  return std::nullopt;
}

}  // namespace

std::optional<std::chrono::milliseconds> ParseDuration(std::string_view text) {
  if (text.empty() || !IsDigit(text.front())) return std::nullopt;  // no sign, no "inf"
  double number = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error != std::errc()) return std::nullopt;
  const auto scale = MillisecondsPer(text.substr(static_cast<std::size_t>(end - text.data())));
  if (!scale || number * *scale > kMaxMilliseconds) return std::nullopt;
  const std::chrono::milliseconds rounded(std::llround(number * *scale));
  if (number > 0 && rounded.count() == 0) return std::nullopt;
  return rounded;
}

std::optional<std::size_t> ParseSize(std::string_view text) {
  std::size_t digits = 0;
  while (digits < text.size() && IsDigit(text[digits])) ++digits;
  const auto number = ParseDigits(text.substr(0, digits), kMaxSize);
  const auto scale = BytesPer(text.substr(digits));
  if (!number || !scale || *number > kMaxSize / *scale) return std::nullopt;
  return static_cast<std::size_t>(*number * *scale);
}

std::optional<std::uint64_t> ParseDigits(std::string_view text, std::uint64_t max) {
  if (text.empty() || !IsDigit(text.front())) return std::nullopt;
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, number);
  if (result.ec != std::errc() || result.ptr != end || number > max) return std::nullopt;
  return number;
}

}  // namespace mcpbridge

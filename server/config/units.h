#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace mcpbridge {

// What an error says of a text that ParseDuration or ParseSize refuses.
inline constexpr std::string_view kDurationForms =
    R"(a duration: a number of seconds, or "500ms", "20s", "2m", "1h" (at most 365 days))";
inline constexpr std::string_view kSizeForms =
    R"(a size: a number of bytes, or "64KiB", "4MiB", "1GiB" (whole numbers only))";

// "20", "0.5" (seconds), "500ms", "20s", "2m", "1h"; rounded to a millisecond. nullopt: not of
// these forms, above 365 days, or above zero but too short for a millisecond.
std::optional<std::chrono::milliseconds> ParseDuration(std::string_view text);

// "4096" (bytes), "4096B", "64KiB", "4MiB", "1GiB". nullopt: not of these forms, or above 1 PiB.
std::optional<std::size_t> ParseSize(std::string_view text);

// Decimal digits only, at most `max`. nullopt: anything else.
std::optional<std::uint64_t> ParseDigits(std::string_view text, std::uint64_t max);

}  // namespace mcpbridge

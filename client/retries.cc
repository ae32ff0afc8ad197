#include "mcpbridge/retries.h"

#include <algorithm>
#include <array>
#include <random>
#include <string_view>

namespace mcpbridge::client {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// The reasons whose row in docs/errors.md says "retry: yes".
constexpr std::array<std::string_view, 3> kRetryable = {"OVERLOADED", "SHUTTING_DOWN",
                                                        "UPSTREAM_UNAVAILABLE"};

// From 0 to `most`.
milliseconds RandomPart(milliseconds most) {
  thread_local std::minstd_rand random(
      static_cast<std::minstd_rand::result_type>(steady_clock::now().time_since_epoch().count()));
  return milliseconds(std::uniform_int_distribution<milliseconds::rep>(0, most.count())(random));
}

}  // namespace

bool IsRetryable(const CallError& error) {
  return std::find(kRetryable.begin(), kRetryable.end(), error.reason) != kRetryable.end();
}

Retries::Retries(RetryPolicy policy, std::optional<steady_clock::time_point> deadline)
    : policy_(policy),
      deadline_(deadline),
      next_wait_(std::max(policy.first_wait, milliseconds(1))) {}

std::optional<milliseconds> Retries::WaitAfter(const CallError& error) {
  if (++made_ >= policy_.attempts || !IsRetryable(error)) return std::nullopt;
  const auto asked = error.retry_after.value_or(milliseconds(0));
  if (asked > policy_.longest_wait) return std::nullopt;
  const auto least = std::max(std::min(next_wait_, policy_.longest_wait), asked);
  next_wait_ = std::min(next_wait_, policy_.longest_wait) * 2;
  const auto wait = least + RandomPart(std::max(least / 2, milliseconds(0)));
  if (deadline_ && *deadline_ - steady_clock::now() <= wait) return std::nullopt;
  return wait;
}

}  // namespace mcpbridge::client

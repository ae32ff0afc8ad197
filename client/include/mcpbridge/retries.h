#pragma once

#include <chrono>
#include <optional>

#include "mcpbridge/outcome.h"

// When a call that failed may be made again.
namespace mcpbridge::client {

// Whether the bridge says that the call was not executed and that a later one may succeed: then
// making it again does nothing twice. docs/errors.md has the reasons. False where the bridge itself
// could not be reached: nobody knows then whether it had got the call before.
bool IsRetryable(const CallError& error);

// How often, and after how long.
struct RetryPolicy {
  // At most this many calls, the first one included. 1, or less: none is made again.
  int attempts = 1;

  // The wait before the second call; each further one is twice as long as the one before. Each is
  // drawn out by a random part, up to a half, so that many callers don't come back at once.
  std::chrono::milliseconds first_wait{100};

  // No wait is longer, but for its random part; a bridge that asks for a longer one isn't called
  // again. The default is as long as a bridge ever waits before it tries a server again.
  std::chrono::milliseconds longest_wait{10'000};
};

// Decides for one call. Not thread-safe.
class Retries {
 public:
  // `deadline`: of the whole, all waits included; nullopt: none.
  explicit Retries(RetryPolicy policy,
                   std::optional<std::chrono::steady_clock::time_point> deadline = {});

  // How long to wait before the call is made again, at least as long as the bridge asks for. After
  // each failure, once. nullopt: `error` is final, as it isn't retryable, enough calls were made,
  // or the deadline would pass meanwhile.
  std::optional<std::chrono::milliseconds> WaitAfter(const CallError& error);

 private:
  const RetryPolicy policy_;
  const std::optional<std::chrono::steady_clock::time_point> deadline_;
  int made_ = 0;  // calls that failed
  std::chrono::milliseconds next_wait_;
};

}  // namespace mcpbridge::client

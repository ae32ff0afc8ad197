#include "server/frontend/grpc/open_streams.h"

#include <chrono>
#include <string>
#include <utility>

namespace mcpbridge {

std::optional<Error> OpenStreams::Add(const void* stream, std::size_t limit,
                                      std::function<void()> drain) {
  const std::lock_guard lock(mutex_);
  if (draining_) {
    return Error{.reason = Reason::kShuttingDown,
                 .message = "the bridge is shutting down and takes no new streams",
                 .retry_after = std::chrono::seconds(1)};
  }
  if (streams_.size() >= limit) {
    return Error{.reason = Reason::kOverloaded,
                 .message = "as many clients have streams as may, " + std::to_string(limit),
                 .metadata = {{"limit", "bridge.limits.sessions"}},
                 .retry_after = std::chrono::seconds(1)};
  }
  streams_.emplace(stream, std::move(drain));
  return std::nullopt;
}

void OpenStreams::Remove(const void* stream) {
  const std::lock_guard lock(mutex_);
  streams_.erase(stream);
}

void OpenStreams::Drain() {
  const std::lock_guard lock(mutex_);
  if (std::exchange(draining_, true)) return;
  for (const auto& [stream, drain] : streams_) drain();
}

}  // namespace mcpbridge

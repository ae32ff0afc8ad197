#pragma once

#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "server/base/error.h"

namespace mcpbridge {

// The streams of one method that last as long as their clients like: how many there are, and how
// they are told that the bridge is stopping. Thread-safe.
class OpenStreams {
 public:
  // Adds one, of at most `limit`, which owes a Remove(). `drain` must not call this; it runs on any
  // thread, at most once. Errors: kOverloaded, kShuttingDown.
  std::optional<Error> Add(const void* stream, std::size_t limit, std::function<void()> drain);
  // Does nothing where it wasn't added.
  void Remove(const void* stream);

  // Tells all, and lets no other in.
  void Drain();

 private:
  std::mutex mutex_;
  std::unordered_map<const void*, std::function<void()>> streams_;
  bool draining_ = false;
};

}  // namespace mcpbridge

#pragma once

#include <chrono>
#include <functional>
#include <thread>

namespace mcpbridge {

// Whether `holds` does within 30 s, longer than anything in a test takes, even under a sanitizer on
// a busy machine. Polls.
inline bool Eventually(const std::function<bool()>& holds) {
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!holds()) {
    if (std::chrono::steady_clock::now() > give_up) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));  // polling, bounded
  }
  return true;
}

}  // namespace mcpbridge

#include "examples/demo_server/sessions.h"

#include <random>

namespace mcpbridge::demo {

std::string Sessions::Open() {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::random_device random;
  std::string id;
  for (int word = 0; word < 4; ++word) {
    auto bits = random();
    for (int digit = 0; digit < 8; ++digit, bits >>= 4) id += kDigits[bits & 15];
  }
  const std::lock_guard lock(mutex_);
  open_.insert(id);
  return id;
}

bool Sessions::IsOpen(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  return open_.contains(id);
}

bool Sessions::Close(const std::string& id) {
  const std::lock_guard lock(mutex_);
  return open_.erase(id) > 0;
}

}  // namespace mcpbridge::demo

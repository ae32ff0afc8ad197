#pragma once

#include <mutex>
#include <string>
#include <string_view>
#include <unordered_set>

namespace mcpbridge::demo {

// The MCP sessions that are open. Thread-safe.
class Sessions {
 public:
  // Opens one; its id is 128 random bits in hexadecimal.
  std::string Open();
  bool IsOpen(const std::string& id) const;
  // False: there is none of that name.
  bool Close(const std::string& id);

 private:
  mutable std::mutex mutex_;
  std::unordered_set<std::string> open_;
};

}  // namespace mcpbridge::demo

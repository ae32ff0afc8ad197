#pragma once

#include <absl/container/flat_hash_map.h>

#include <string>
#include <string_view>

namespace mcpbridge {

// The calls of one lane that `notifications/cancelled` can name. A call without an Mcp-Session-Id
// is never in here: its id alone could be anybody's. Lane-only.
class CancelRegistry {
 public:
  class Cancellable {
   public:
    virtual void CancelByCaller() = 0;

   protected:
    ~Cancellable() = default;
  };

  // Both raw: the session as in its header, the id as in JSON (so that 1 and "1" differ).
  static std::string Key(std::string_view session, std::string_view id) {
    return std::string(session).append(1, '\n').append(id);
  }

  // False: a call of that key is there already; this one can't be named.
  bool Add(const std::string& key, Cancellable& call) { return calls_.emplace(key, &call).second; }
  void Remove(const std::string& key) { calls_.erase(key); }

  // Unknown keys are ignored, as MCP has it.
  void Cancel(const std::string& key) {
    const auto at = calls_.find(key);
    if (at != calls_.end()) at->second->CancelByCaller();
  }

 private:
  absl::flat_hash_map<std::string, Cancellable*> calls_;
};

}  // namespace mcpbridge

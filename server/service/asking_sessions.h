#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "server/base/deadline.h"
#include "server/upstream/upstream_pool.h"

namespace mcpbridge {

// Sessions with legacy servers for modern callers that can be asked something: a server asks only
// who has declared that it may in `initialize`. One for each set of capabilities, shared by all who
// declare the same. Owned by ToolService. Thread-safe.
class AskingSessions {
 public:
  AskingSessions(UpstreamPool& pool, std::chrono::milliseconds session_idle);

  // The session for callers with these capabilities (AskableCapabilities(), not empty). Null: there
  // can't be another one, and the session that all share has to do.
  std::shared_ptr<Upstream> SessionFor(const std::shared_ptr<Server>& server,
                                       const std::string& capabilities);

  // Lets go of those that nobody has used for `session_idle`.
  void Sweep();
  void SetIdle(std::chrono::milliseconds session_idle);

  // Lets go of those with the server that had this place: it has been retired.
  void Forget(std::size_t server);

  // Lets go of all, and makes no more.
  void Close();

 private:
  using Sessions = std::vector<std::shared_ptr<Upstream>>;
  struct Kept {
    std::string capabilities;
    std::shared_ptr<Upstream> session;
    Deadline::Clock::time_point used_at;
  };

  // Moves those to `gone`, to be let go of outside of the lock.
  void TakeIdle(std::vector<Kept>& kept, Deadline::Clock::time_point now, Sessions& gone) const;

  UpstreamPool& pool_;
  std::mutex mutex_;
  std::chrono::milliseconds session_idle_;
  std::map<std::size_t, std::vector<Kept>> kept_;  // by server; at most kMostSets each
  bool closed_ = false;
};

}  // namespace mcpbridge

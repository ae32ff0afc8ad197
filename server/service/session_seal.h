#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>

#include "server/config/config.h"
#include "server/mcp/initialize.h"
#include "server/routing/scope.h"

namespace mcpbridge {

// What tells a session from others, and doesn't open it where ids are sealed.
inline std::string_view RandomPartOf(std::string_view id) { return id.substr(0, id.find('.')); }

// Ids of clients' sessions that say who the client is, sealed with `bridge.session_key`: every
// bridge that has the key can go on with the session of another, which may be gone. Whoever has the
// id can read what the client said in `initialize`, but change nothing. Immutable; thread-safe.
class SessionSeals {
 public:
  using Clock = std::chrono::system_clock;  // bridges on several machines have no other in common

  // An id is no longer than this: a header that every proxy takes.
  static constexpr std::size_t kMaxSize = 1024;

  // What an id says.
  struct Client {
    ClientProfile profile;
    Scope scope;
  };

  explicit SessionSeals(const BridgeConfig& config)
      : key_(config.session_key),
        accepted_key_(config.session_key_accepted),
        max_age_(config.session_max_age) {}

  // `id`, a new session's, and behind it what another bridge needs, in visible ASCII. Only `id`
  // where there is no key, or the client said too much. Of a client's info that is too long only
  // name and version are kept.
  std::string Seal(const Config& config, const std::string& id, const ClientProfile& profile,
                   const Scope& scope, Clock::time_point now = Clock::now()) const;

  // nullopt: sealed with neither of our keys, older than `session_max_age`, or of a client that was
  // opened for a server which isn't configured here.
  std::optional<Client> Open(const Config& config, std::string_view id,
                             Clock::time_point now = Clock::now()) const;

  static bool IsSealed(std::string_view id) { return id.find('.') != std::string_view::npos; }

  // The same for all who have the key, and no help in finding it.
  std::string Space() const;

 private:
  static std::string MacOf(const std::string& key, std::string_view text);
  bool IsMade(std::string_view mac, std::string_view text) const;

  const std::string key_;           // empty: ids aren't sealed
  const std::string accepted_key_;  // opens too; empty: there is none
  const std::chrono::milliseconds max_age_;
};

// Ids of sessions that their clients have ended here, so that they aren't made again from the id.
// Thread-safe.
class EndedSessions {
 public:
  // The oldest are forgotten beyond it: of each id its random part is kept, 10 MiB in all.
  static constexpr std::size_t kMost = 1 << 16;

  // False: it is among them already.
  bool Add(std::string_view id);
  bool Has(std::string_view id) const;

 private:
  mutable std::mutex mutex_;
  std::unordered_set<std::string> ids_;
  std::deque<std::string> order_;
};

}  // namespace mcpbridge

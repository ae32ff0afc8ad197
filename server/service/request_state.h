#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace mcpbridge {

// Makes and checks a `requestState` of MCP 2026-07-28: the handle of something that the bridge
// keeps for a request which will be sent again, sealed so that only the bridge can have made it,
// and for that request only. Keyed at random when it is made, so that a state doesn't outlive the
// process. Immutable; thread-safe.
class RequestStates {
 public:
  RequestStates();

  // 128 random bits in hex; empty: there are none to be had.
  static std::string NewHandle();

  // `about`: what the request is, in any form that is the same when it comes again.
  std::string Seal(std::string_view handle, std::string_view about) const;

  // The handle in `state`; nullopt: it is changed, of another request, or none of ours.
  std::optional<std::string> Open(std::string_view state, std::string_view about) const;

  // Whether `state` claims to be this one's, and so is no server's: that may be a bridge as well.
  bool IsOurs(std::string_view state) const { return state.starts_with(prefix_); }

 private:
  std::string MacOf(std::string_view handle, std::string_view about) const;

  std::array<unsigned char, 32> key_{};
  const std::string prefix_;  // of its states, and no other's
};

}  // namespace mcpbridge

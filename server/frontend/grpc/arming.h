#pragma once

namespace mcpbridge {

// How many calls wait for an RPC per queue. Each is replaced the moment its RPC arrives, and RPCs
// that find none waiting wait themselves, inside gRPC: nothing is lost by a small number, only a
// little time when many arrive at once. A large one costs all of them: Debian's gRPC looks each tag
// that comes back up among all that are outstanding, one by one (2 % of a call with 64 and 4).
struct Arming {
  int calls = 16;  // of CallTool
  int rare = 1;    // of any other method
};

}  // namespace mcpbridge

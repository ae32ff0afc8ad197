#pragma once

namespace mcpbridge {

// How many calls wait for an RPC per queue. Each is replaced the moment its RPC arrives, and RPCs
// that find none waiting wait themselves, inside gRPC: nothing is lost by a small number, only a
// little time when many arrive at once.
struct Arming {
  int calls = 64;  // of CallTool
  int rare = 4;    // of any other method
};

}  // namespace mcpbridge

#pragma once

#include <grpcpp/server_context.h>

namespace mcpbridge {

// What gRPC keeps of one RPC: its context and the `Stream` (or response writer) that answers it.
//
// Freed in a function of its own: what the headers of gRPC write while they start an operation
// comes after its tag was handed over (cq_tag.h), so ThreadSanitizer can't see that it was written
// before the tag came back, and tests/tsan-suppressions.txt goes by the function's name.
template <class Stream>
struct ServerRpc {
  ServerRpc() = default;
  ServerRpc(const ServerRpc&) = delete;
  ServerRpc& operator=(const ServerRpc&) = delete;
  [[gnu::noinline]] ~ServerRpc() {}  // not `= default`, which may be inlined in spite of it

  grpc::ServerContext context;
  Stream stream{&context};
};

}  // namespace mcpbridge

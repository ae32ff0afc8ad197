#pragma once

#include <grpcpp/support/status.h>

#include <cstddef>
#include <string>

#include "server/base/error.h"

namespace mcpbridge {

// How an RPC to a server failed.
struct GrpcFailure {
  grpc::Status status;
  bool sent = false;           // it may have reached the server
  std::string mcp_error_code;  // the trailer `mcp-error-code`; empty: there was none
  std::size_t response_bytes;  // the limit that the channel has
};

// Why there is no answer. Pure. kUpstreamUnavailable: the server has provably not seen the request.
// kUpstreamLost: the connection broke, or the server cancelled. kResponseTooLarge.
// kDeadlineExceeded. kUpstreamError, with a JSON-RPC code: what the server says is wrong, the code
// being the server's own where it gave one. A server that is an mcp-bridge has said more: its
// reason stays, unless it is about the two bridges only.
Error ErrorOf(const GrpcFailure& failure);

}  // namespace mcpbridge

#pragma once

#include <grpcpp/support/status.h>

#include <string>
#include <string_view>

#include "server/base/error.h"

namespace mcpbridge {

// `error` as it travels: the code of its reason, its message, and a google.rpc.Status with an
// ErrorInfo {reason, domain "mcpbridge", metadata}, and a RetryInfo where a retry may help, in
// `grpc-status-details-bin`.
//
// kUpstreamError takes its code from the server's JSON-RPC error: -32700, -32600 and -32602 are
// INVALID_ARGUMENT, -32601 UNIMPLEMENTED, -32603 INTERNAL, any other UNKNOWN; so is -32001, a
// timeout to some SDKs and a lost session to others. metadata has the exact `jsonrpc_code`, and
// `jsonrpc_data` as raw JSON.
//
// Many clients take no more than 8 KiB of trailers: what makes them larger is cut, and metadata
// `truncated` names what was, e.g. "message,jsonrpc_data".
grpc::Status ToGrpcStatus(const Error& error);

// `text` with a '?' for each byte that isn't UTF-8: protobuf's readers refuse a string that has
// one.
std::string ValidUtf8(std::string_view text);

}  // namespace mcpbridge

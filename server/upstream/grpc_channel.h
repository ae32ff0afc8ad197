#pragma once

#include <grpcpp/channel.h>

#include <cstddef>
#include <memory>
#include <string>

namespace mcpbridge {

// A channel of its own to the server at `url`, grpc://HOST:PORT, grpcs://HOST:PORT or
// grpc+unix:///PATH, a valid one; connects by itself when it is used. A response of more than
// `response_bytes` ends its RPC. With grpcs the server's certificate is verified against the file
// that SSL_CERT_FILE names, or else against the system's store.
std::shared_ptr<grpc::Channel> MakeGrpcChannel(const std::string& url, std::size_t response_bytes);

}  // namespace mcpbridge

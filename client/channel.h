#pragma once

#include <grpcpp/channel.h>

#include <memory>
#include <optional>
#include <string>

#include "mcpbridge/client.h"

namespace mcpbridge::client {

// What is wrong with `options` as such, as kInvalidArgument. nullopt: nothing.
std::optional<CallError> ErrorIn(const ClientOptions& options);

// The connection of one Client, not shared with any other. ErrorIn(options) is nullopt.
std::shared_ptr<grpc::Channel> MakeChannel(const std::string& address,
                                           const ClientOptions& options);

}  // namespace mcpbridge::client

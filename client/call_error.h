#pragma once

#include <grpcpp/support/status.h>

#include "mcpbridge/outcome.h"

namespace mcpbridge::client {

// What a failed status says, with the google.rpc details in its grpc-status-details-bin. Details
// that don't parse are left out. `status` is not OK.
CallError ErrorOf(const grpc::Status& status);

}  // namespace mcpbridge::client

#pragma once

#include <string>
#include <utility>

#include "server/base/error.h"

namespace mcpbridge {

// What is wrong with a request's params.
inline Error Invalid(std::string message) {
  return Error{.reason = Reason::kInvalidArguments, .message = std::move(message)};
}

}  // namespace mcpbridge

#pragma once

#include <string>
#include <vector>

#include "server/base/error.h"
#include "server/jsonrpc/message.h"

namespace mcpbridge::jsonrpc {

// The messages of a batch, each as its own text; that they are messages is not checked. Errors:
// kInvalidJson; kInvalidRequest (no array, an empty one, more than `max` of them).
Result<std::vector<std::string>> SplitBatch(Parser& parser, Text& text, std::size_t max);

}  // namespace mcpbridge::jsonrpc

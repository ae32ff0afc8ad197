#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/base/error.h"
#include "server/jsonrpc/message.h"

namespace mcpbridge {

// The one version that has batches.
inline constexpr std::string_view kBatchVersion = "2025-03-26";

// The messages of `body`, a JSON array, from a client that speaks `version`. What is wrong with one
// of them is that one's own matter, except that no session may begin here. Errors: kInvalidRequest,
// kInvalidJson.
Result<std::vector<std::string>> ReadBatch(jsonrpc::Parser& parser, jsonrpc::Text& body,
                                           std::string_view version);

}  // namespace mcpbridge

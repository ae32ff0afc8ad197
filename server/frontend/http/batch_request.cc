#include "server/frontend/http/batch_request.h"

#include <cstddef>

#include "server/jsonrpc/batch.h"

namespace mcpbridge {
namespace {

// One body can so take no more than a 64th of the calls that may be under way.
constexpr std::size_t kMaxBatch = 64;

}  // namespace

Result<std::vector<std::string>> ReadBatch(jsonrpc::Parser& parser, jsonrpc::Text& body,
                                           std::string_view version) {
  if (version != kBatchVersion) {
    return Error{.reason = Reason::kInvalidRequest,
                 .message = "a batch (JSON array) is of MCP " + std::string(kBatchVersion) +
                            " only, not of " + std::string(version)};
  }
  Result<std::vector<std::string>> messages = jsonrpc::SplitBatch(parser, body, kMaxBatch);
  for (std::size_t i = 0; messages && i < messages->size(); ++i) {
    jsonrpc::Text text((*messages)[i]);
    const Result<jsonrpc::Message> message = jsonrpc::Parse(parser, text);
    if (message && message->method == "initialize") {
      return Error{.reason = Reason::kInvalidRequest,
                   .message = "initialize must not be part of a batch"};
    }
  }
  parser.Trim();
  return messages;
}

}  // namespace mcpbridge

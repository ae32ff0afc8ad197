#pragma once

#include <mcpbridge/v1/tool_service.pb.h>

#include <cstddef>
#include <string>
#include <string_view>

#include "server/base/error.h"
#include "server/config/config.h"
#include "server/routing/catalogue.h"
#include "server/service/tool_service.h"

namespace mcpbridge {

// The last tool of a page. The next page begins behind it, also when it is gone by then.
struct PageKey {
  std::string scope;  // ListToolsRequest.server
  std::string server;
  std::string tool;  // the server's own name for it

  bool operator==(const PageKey&) const = default;
};

// Opaque to callers; plain ASCII.
std::string PageTokenOf(const PageKey& key);

// Errors: kInvalidArguments (not a token of ours, or of a listing with another `scope`).
Result<PageKey> ParsePageToken(std::string_view token, std::string_view scope);

// A request for one page, checked.
struct PageRequest {
  std::size_t size = 0;
  PageKey after;  // with empty `server`: from the beginning
};
// Errors: kInvalidArguments (negative size, bad token).
Result<PageRequest> ParsePageRequest(const v1::ListToolsRequest& request);

// Fills in one page of `listing`: at most `page.size` tools, and no more than fit into gRPC's
// default limit on a message, but at least one.
void FillPage(const ToolListing& listing, const Config& config, const PageRequest& page,
              v1::ListToolsResponse& out);

// What `tool` says of itself. A member of a type that MCP doesn't give it is left out: a catalogue
// is no place to fail for one odd title.
void FillTool(const ToolEntry& tool, v1::Tool& out);

}  // namespace mcpbridge

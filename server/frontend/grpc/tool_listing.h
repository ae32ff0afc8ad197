#pragma once

#include <mcpbridge/v1/tool_service.pb.h>

#include <string_view>

#include "server/base/error.h"
#include "server/routing/catalogue.h"
#include "server/service/list_page.h"
#include "server/service/listing.h"

namespace mcpbridge {

// Which page of the list of `scope` (Scope::Names) the `request` wants, checked. Errors:
// kInvalidArguments (negative size, bad token).
Result<PageRequest> ParsePageRequest(const v1::ListToolsRequest& request, std::string_view scope);

// Fills in one page of `listing`, a list of tools.
void FillPage(const Listing& listing, const PageRequest& page, v1::ListToolsResponse& out);

// What `tool` says of itself. A member of a type that MCP doesn't give it is left out: a catalogue
// is no place to fail for one odd title.
void FillTool(const ListEntry& tool, v1::Tool& out);

}  // namespace mcpbridge

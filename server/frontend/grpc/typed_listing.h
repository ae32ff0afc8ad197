#pragma once

#include <mcpbridge/v1/prompt_service.pb.h>
#include <mcpbridge/v1/resource_service.pb.h>
#include <mcpbridge/v1/tool_service.pb.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "server/base/error.h"
#include "server/service/list_page.h"
#include "server/service/listing.h"

namespace mcpbridge {

// Which page of the list of `scope` (Scope::Names) is wanted, checked. Errors: kInvalidArguments
// (negative size, bad token).
Result<PageRequest> ParsePageRequest(ListKind kind, std::string_view scope, std::int32_t page_size,
                                     std::string_view page_token);

void AddUnavailable(std::string_view server, const Error& error, v1::UnavailableServer& out);

// Adds what `item` says of itself, its server and the name it is listed by. A member of a type that
// MCP doesn't give it is left out: a list is no place to fail for one odd title.
void AddItem(const Listing::Item& item, v1::ListToolsResponse& out);
void AddItem(const Listing::Item& item, v1::ListResourcesResponse& out);
void AddItem(const Listing::Item& item, v1::ListResourceTemplatesResponse& out);
void AddItem(const Listing::Item& item, v1::ListPromptsResponse& out);

// Fills in one page of `listing`, which is of Response's kind.
template <class Response>
void FillPage(const Listing& listing, const PageRequest& request, Response& out) {
  for (const auto& [server, error] : listing.unavailable) {
    AddUnavailable(server, error, *out.add_unavailable());
  }
  Page page = TakePage(listing, request);
  for (const Listing::Item& item : page.items) AddItem(item, out);
  out.set_next_page_token(std::move(page.next_cursor));
}

}  // namespace mcpbridge

#include "server/frontend/mcp/list_call.h"

#include <utility>

#include "server/mcp/initialize.h"
#include "server/mcp/modern_meta.h"

namespace mcpbridge {

ListCall::ListCall(ToolService& service, Reply& reply, ListKind kind)
    : service_(service), reply_(reply), kind_(kind) {}

ListCall::~ListCall() {
  alive_->call = nullptr;
  service_.Leave();
}

void ListCall::Start(Lane& lane, std::shared_ptr<CatalogueView> view, const Scope& scope,
                     std::string_view cursor, Deadline deadline) {
  Result<PagePosition> after = ParseCursor(cursor, kind_, scope.Names(service_.config()));
  if (!after) {
    reply_.Fail(after.error());
    return;
  }
  page_.after = *std::move(after);
  service_.lister().List(std::move(view), kind_, lane, scope, deadline,
                         [alive = alive_](Result<Listing> listing) {
                           if (alive->call != nullptr) alive->call->OnListing(listing);
                         });
}

void ListCall::OnListing(const Result<Listing>& listing) {
  if (!listing) {
    reply_.Fail(listing.error());
    return;
  }
  std::string result = ResultOf(*listing, TakePage(*listing, page_));
  if (reply_.modern()) {
    const std::string server_info = BridgeInfo();
    const auto ttl = service_.config().bridge.catalogue_ttl.count();
    result = WithResultDefaults(InfoOf(kind_).method, result,
                                {.server_info = server_info, .ttl_ms = ttl})
                 .value();  // it is our own object
  }
  reply_.Result(result);
}

}  // namespace mcpbridge

#include "server/frontend/http/http_list_call.h"

#include <utility>

namespace mcpbridge {

HttpListCall::HttpListCall(ToolService& service, HttpResponder& responder, std::string id,
                           ListKind kind)
    : service_(service), responder_(responder), id_(std::move(id)), kind_(kind) {}

HttpListCall::~HttpListCall() {
  alive_->call = nullptr;
  service_.Leave();
}

void HttpListCall::Start(Lane& lane, const std::string& server, std::string_view cursor,
                         Deadline deadline) {
  Result<PagePosition> after = ParseCursor(cursor, kind_, server);
  if (!after) {
    responder_.Respond(HttpResponse::FromError(id_, after.error()));
    return;
  }
  page_.after = *std::move(after);
  service_.lister().List(kind_, lane, server, deadline, [alive = alive_](Result<Listing> listing) {
    if (alive->call != nullptr) alive->call->OnListing(listing);
  });
}

void HttpListCall::OnListing(const Result<Listing>& listing) {
  responder_.Respond(listing ? HttpResponse{.body = jsonrpc::ResultMessage(
                                                id_, ResultOf(*listing, TakePage(*listing, page_)))}
                             : HttpResponse::FromError(id_, listing.error()));
}

}  // namespace mcpbridge

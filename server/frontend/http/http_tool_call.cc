#include "server/frontend/http/http_tool_call.h"

#include <utility>

namespace mcpbridge {

HttpToolCall::HttpToolCall(ToolService& service, Lane& lane, HttpResponder& responder,
                           CancelRegistry& registry, std::string id, std::string_view session)
    : service_(service), responder_(responder), registry_(registry), id_(std::move(id)) {
  call_.emplace(service, lane, static_cast<ToolCall::Handler&>(*this));
  if (session.empty()) return;
  key_ = CancelRegistry::Key(session, id_);
  if (!registry_.Add(key_, *this)) key_.clear();
}

HttpToolCall::~HttpToolCall() {
  if (!key_.empty()) registry_.Remove(key_);
  call_.reset();
  service_.Leave();
}

void HttpToolCall::Start(ToolCallRequest request) {
  if (const auto error = call_->Start(std::move(request))) Fail(*error);
}

void HttpToolCall::OnToolCallEnd(Result<jsonrpc::Message> message) {
  if (!message) {
    Fail(message.error());
  } else if (message->kind == jsonrpc::Kind::kError) {
    // The upstream's own error, byte for byte.
    responder_.Respond({.body = jsonrpc::RawErrorMessage(id_, message->error)});
  } else {
    responder_.Respond({.body = jsonrpc::ResultMessage(id_, message->result)});
  }
}

void HttpToolCall::CancelByCaller() {
  if (!call_) return;
  call_.reset();
  Fail(Error{.reason = Reason::kCancelled, .message = "cancelled by notifications/cancelled"});
}

void HttpToolCall::Fail(const Error& error) {
  responder_.Respond(HttpResponse::FromError(id_, error));
}

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

#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "server/frontend/grpc/grpc_call.h"
#include "server/frontend/grpc/typed_listing.h"

namespace mcpbridge {

// A unary RPC that lists what servers have. Beside what GrpcCall wants, `Rpc` has:
//
//   static constexpr ListKind kKind;
//   static std::string ServerOf(const Request&);  // empty: all
//   static Result<PageRequest> PageOf(const Request&, std::string_view scope);  // Scope::Names
//   static void Fill(const Listing&, const PageRequest&, const Config&, Response&);
template <class Rpc>
class ListRpc final : public GrpcUnaryCall<ListRpc<Rpc>, Rpc> {
 public:
  using ListRpc::GrpcUnaryCall::GrpcUnaryCall;

 private:
  void OnRequest() override {
    if (const std::optional<Error> refused = this->Admit()) return this->Finish(*refused);
    Result<Scope> scope = this->ScopeOf(Rpc::ServerOf(this->request()));
    if (!scope) return this->Finish(scope.error());
    scope_ = *std::move(scope);
    Result<PageRequest> page = Rpc::PageOf(this->request(), scope_.Names(this->tools().config()));
    if (!page) return this->Finish(page.error());
    page_ = *std::move(page);
    this->ContinueOn(this->tools().PickLane(Rpc::ServerOf(this->request()), ""));
  }

  // The answer may come when the caller has long given up: then `self_` isn't there any more.
  void OnLane() override {
    this->timing().Begin();
    self_ = std::make_shared<ListRpc*>(this);
    const Deadline bound =
        Min(this->deadline(), Deadline::After(this->tools().config().bridge.limits.call_timeout));
    this->tools().lister().List(this->tools().ViewFor(), Rpc::kKind, this->lane(), scope_, bound,
                                [self = std::weak_ptr(self_)](Result<Listing> listing) {
                                  if (const auto call = self.lock()) (*call)->Answer(listing);
                                });
  }

  void OnCancel() override {
    self_.reset();
    this->Finish(this->GoneError());
  }

  void Answer(const Result<Listing>& listing) {
    self_.reset();
    if (!listing) return this->Finish(listing.error());
    typename Rpc::Response response;
    Rpc::Fill(*listing, page_, this->tools().config(), response);
    this->Finish(response);
  }

  Scope scope_;
  PageRequest page_;
  std::shared_ptr<ListRpc*> self_;
};

// What the lists of mcpbridge.v1 have in common.
template <ListKind kKind_, class Request_, class Response_>
struct PagedList {
  using Request = Request_;
  using Response = Response_;
  static constexpr ListKind kKind = kKind_;
  static std::string ServerOf(const Request& request) { return request.server(); }
  static Result<PageRequest> PageOf(const Request& request, std::string_view scope) {
    return ParsePageRequest(kKind, scope, request.page_size(), request.page_token());
  }
  static void Fill(const Listing& listing, const PageRequest& page, const Config&,
                   Response& response) {
    FillPage(listing, page, response);
  }
};

}  // namespace mcpbridge

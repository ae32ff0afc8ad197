#pragma once

#include <memory>
#include <string>

#include "server/frontend/http/cancel_registry.h"
#include "server/frontend/http/http_call.h"
#include "server/frontend/http/http_reply.h"
#include "server/frontend/mcp/mcp_call.h"

namespace mcpbridge {

// One JSON-RPC request that came by HTTP: its reply and its call. A caller with a session cancels
// it by saying so, and it goes on when that caller disconnects; one without cancels by
// disconnecting. Lane-only.
class HttpMessageCall final : public HttpCall, private CancelRegistry::Cancellable {
 public:
  // `id`: raw, of the request.
  HttpMessageCall(HttpResponder& responder, std::string id, HttpReply::Caller caller)
      : reply_(responder, std::move(id), std::move(caller)) {}
  ~HttpMessageCall() override {
    if (!key_.empty()) registry_->Remove(key_);
  }

  Reply& reply() { return reply_; }

  // What answers through reply(); null: it has been answered. `session` null: the caller has none.
  void Begin(std::unique_ptr<McpCall> call, CancelRegistry& registry,
             const ClientSession* session) {
    call_ = std::move(call);
    if (session == nullptr || !goes_on()) return;
    key_ = CancelRegistry::Key(session->id(), reply_.id());
    registry_ = &registry;
    if (!registry.Add(key_, *this)) key_.clear();
  }

  void OnDrained() override {
    if (call_ != nullptr) call_->OnDrained();
  }
  void OnQuiet() override {
    if (goes_on()) reply_.BeginEvents();
  }
  bool outlives_connection() const override { return goes_on() && reply_.outlives_connection(); }
  void GoOnWith(HttpResponder& responder) override { reply_.GoOnWith(responder); }

 private:
  void CancelByCaller() override { call_->CancelByCaller(); }
  bool goes_on() const { return call_ != nullptr && call_->can_be_cancelled() && !reply_.ended(); }

  HttpReply reply_;
  std::unique_ptr<McpCall> call_;
  CancelRegistry* registry_ = nullptr;
  std::string key_;  // in registry_; empty: not there
};

}  // namespace mcpbridge

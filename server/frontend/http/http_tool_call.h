#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "server/frontend/http/cancel_registry.h"
#include "server/frontend/http/http_call.h"
#include "server/routing/list_kind.h"
#include "server/service/list_page.h"
#include "server/service/listing.h"
#include "server/service/tool_call.h"

namespace mcpbridge {

// A tools/call that came over HTTP. Lane-only.
class HttpToolCall final : public HttpCall,
                           private ToolCall::Handler,
                           private CancelRegistry::Cancellable {
 public:
  // `service` has let the call in (Enter()); this gives its place back. `id` is raw JSON. `session`
  // empty: the caller has none, and can only cancel by disconnecting.
  HttpToolCall(ToolService& service, Lane& lane, HttpResponder& responder, CancelRegistry& registry,
               std::string id, std::string_view session);
  ~HttpToolCall() override;

  void Start(ToolCallRequest request);

 private:
  void OnToolCallEnd(Result<jsonrpc::Message> message) override;
  void CancelByCaller() override;
  void Fail(const Error& error);

  ToolService& service_;
  HttpResponder& responder_;
  CancelRegistry& registry_;
  const std::string id_;
  std::string key_;  // in registry_; empty: not there
  std::optional<ToolCall> call_;
};

// A tools/list, or another of MCP's lists, that came over HTTP. Lane-only.
class HttpListCall final : public HttpCall {
 public:
  // `service` has let the call in (Enter()); this gives its place back. `id` is raw JSON.
  HttpListCall(ToolService& service, HttpResponder& responder, std::string id, ListKind kind);
  ~HttpListCall() override;

  // `server` empty: all. `cursor`: params.cursor, unescaped; empty: the first page.
  void Start(Lane& lane, const std::string& server, std::string_view cursor, Deadline deadline);

 private:
  struct Alive {
    HttpListCall* call;
  };
  void OnListing(const Result<Listing>& listing);

  ToolService& service_;
  HttpResponder& responder_;
  const std::string id_;
  const ListKind kind_;
  PageRequest page_;
  const std::shared_ptr<Alive> alive_ = std::make_shared<Alive>(Alive{this});
};

}  // namespace mcpbridge

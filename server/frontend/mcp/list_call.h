#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "server/frontend/mcp/mcp_call.h"
#include "server/frontend/mcp/reply.h"
#include "server/routing/list_kind.h"
#include "server/service/list_page.h"
#include "server/service/listing.h"
#include "server/service/tool_service.h"

namespace mcpbridge {

// A tools/list, or another of MCP's lists. Lane-only.
class ListCall final : public McpCall {
 public:
  // `service` has let the call in (Enter()); this gives its place back.
  ListCall(ToolService& service, Reply& reply, ListKind kind);
  ~ListCall() override;

  // `cursor`: params.cursor, unescaped; empty: the first page.
  // `view`: what the caller sees.
  void Start(Lane& lane, std::shared_ptr<CatalogueView> view, const Scope& scope,
             std::string_view cursor, Deadline deadline);

 private:
  struct Alive {
    ListCall* call;
  };
  void OnListing(const Result<Listing>& listing);

  ToolService& service_;
  Reply& reply_;
  const ListKind kind_;
  PageRequest page_;
  const std::shared_ptr<Alive> alive_ = std::make_shared<Alive>(Alive{this});
};

}  // namespace mcpbridge

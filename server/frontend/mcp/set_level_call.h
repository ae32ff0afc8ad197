#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/frontend/mcp/mcp_call.h"
#include "server/frontend/mcp/reply.h"
#include "server/service/routed_call.h"

namespace mcpbridge {

// A logging/setLevel for several servers: each that has log levels is told, and it has succeeded
// where one of them took it. Who didn't is named in the result's
// _meta["mcp-bridge/unavailable"]. Lane-only.
class SetLevelCall final : public McpCall {
 public:
  // `service` has let the call in (Enter()); this gives its place back.
  SetLevelCall(ToolService& service, Lane& lane, Reply& reply);
  ~SetLevelCall() override;

  // To those servers in `request`'s scope that declare logging.
  void Start(const CallRequest& request);

 private:
  // The part of one server.
  class Part;

  void StartParts(const CallRequest& request, const std::vector<std::size_t>& servers);
  void OnPartEnd(std::size_t server, std::optional<Error> failure);
  void Answer();

  ToolService& service_;
  Lane& lane_;
  Reply& reply_;
  std::vector<std::unique_ptr<Part>> parts_;
  std::size_t left_ = 0;                                 // of parts_
  std::size_t succeeded_ = 0;                            // of parts_
  std::vector<std::pair<std::string, Error>> failures_;  // by server, in the order they came
};

}  // namespace mcpbridge

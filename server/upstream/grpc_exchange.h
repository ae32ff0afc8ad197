#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "server/base/error.h"
#include "server/upstream/grpc_rpc.h"
#include "server/upstream/upstream.h"

namespace mcpbridge {

// What the requests to one server over gRPC share. Owned by GrpcUpstream, which outlives them.
struct GrpcSite {
  const ServerConfig& config;
  grpc::GenericStub& stub;
  Pump* pump = nullptr;  // set before the first of them
  std::size_t response_bytes;
  // Told, on any lane, that the server wasn't there or has gone.
  std::function<void()> unreachable;
};

// One request of MCP's as one RPC of model_context_protocol.Mcp. Lane-only.
class GrpcExchange final : public Exchange, private GrpcRpc::Handler {
 public:
  GrpcExchange(const GrpcSite& site, Lane& lane, ReplyHandler& handler,
               std::shared_ptr<WhenGone> alive);
  // Ends it: see Exchange. The RPC is cancelled.
  ~GrpcExchange() override { rpc_->Abandon(); }

  // An error: nothing was sent, the handler isn't called. kMethodNotFound; kInvalidArguments (what
  // gRPC or its messages can't say).
  std::optional<Error> Begin(const UpstreamRequest& request);

  // Nothing is asked in the course of an RPC: servers ask by their answers.
  void Answer(std::string) override {}

 private:
  void OnRpcEnd(GrpcRpc& rpc) override;
  void Fail(Error error, bool of_grpc);
  void Deliver(std::string message);

  const GrpcSite& site_;
  ReplyHandler& handler_;
  std::string method_;
  const std::shared_ptr<GrpcRpc> rpc_;
};

}  // namespace mcpbridge

#pragma once

#include <grpcpp/completion_queue.h>
#include <mcpbridge/v1/tool_service.grpc.pb.h>

#include "server/frontend/grpc/arming.h"
#include "server/service/tool_service.h"

namespace mcpbridge {

// mcpbridge.v1.ToolService. Owned by GrpcFrontend; outlives its gRPC server and every call.
class ToolMethods {
 public:
  ToolMethods(ToolService& tools, Gate& live) : tools_(tools), live_(live) {}
  ToolMethods(const ToolMethods&) = delete;
  ToolMethods& operator=(const ToolMethods&) = delete;

  // To be registered with the server.
  grpc::Service& service() { return service_; }

  // Waits for RPCs on `queue`. Once per queue, after the server has started.
  void Arm(grpc::ServerCompletionQueue& queue, const Arming& arming);

  ToolService& tools() { return tools_; }
  v1::ToolService::AsyncService& async() { return service_; }

 private:
  ToolService& tools_;
  Gate& live_;
  v1::ToolService::AsyncService service_;
};

}  // namespace mcpbridge

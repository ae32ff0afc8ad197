#pragma once

#include <grpcpp/completion_queue.h>
#include <grpcpp/impl/service_type.h>

#include <memory>

#include "server/frontend/grpc/arming.h"
#include "server/service/tool_service.h"

namespace mcpbridge {

class ClientSessions;

// One gRPC service that calls MCP servers. Owned by GrpcFrontend; outlives its gRPC server and
// every call. An interface, so that each service's generated code, which is heavy, is compiled in
// one file.
class MethodSet {
 public:
  MethodSet(ToolService& tools, Gate& live) : tools_(tools), live_(live) {}
  MethodSet(const MethodSet&) = delete;
  MethodSet& operator=(const MethodSet&) = delete;
  virtual ~MethodSet() = default;

  // To be registered with the server.
  virtual grpc::Service& service() = 0;

  // Waits for RPCs on `queue`. Once per queue, after the server has started.
  virtual void Arm(grpc::ServerCompletionQueue& queue, const Arming& arming) = 0;

  // The bridge is stopping: RPCs that would last end as soon as they can. Any thread.
  virtual void Drain() {}

  ToolService& tools() { return tools_; }
  Gate& live() { return live_; }

 private:
  ToolService& tools_;
  Gate& live_;
};

// The same with its generated service.
template <class AsyncService>
class MethodSetOf : public MethodSet {
 public:
  using MethodSet::MethodSet;
  grpc::Service& service() final { return async_; }
  AsyncService& async() { return async_; }

 private:
  AsyncService async_;
};

std::unique_ptr<MethodSet> MakeToolMethods(ToolService& tools, Gate& live);
std::unique_ptr<MethodSet> MakeResourceMethods(ToolService& tools, Gate& live);
std::unique_ptr<MethodSet> MakePromptMethods(ToolService& tools, Gate& live);
std::unique_ptr<MethodSet> MakeCompletionMethods(ToolService& tools, Gate& live);
std::unique_ptr<MethodSet> MakeGoogleMethods(ToolService& tools, Gate& live);
std::unique_ptr<MethodSet> MakeSessionMethods(ToolService& tools, ClientSessions& sessions,
                                              Gate& live);

}  // namespace mcpbridge

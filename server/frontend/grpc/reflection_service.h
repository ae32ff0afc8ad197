#pragma once

#include <grpc/reflection/v1/reflection.grpc.pb.h>
#include <grpc/reflection/v1alpha/reflection.grpc.pb.h>
#include <grpcpp/completion_queue.h>

#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "server/frontend/grpc/arming.h"
#include "server/frontend/grpc/reflection_answers.h"
#include "server/runtime/gate.h"
#include "server/service/tool_service.h"

namespace mcpbridge {

// grpc.reflection.v1 and v1alpha.ServerReflection, so that grpcurl works without proto files. Needs
// the master key, if there is one. Owned by GrpcFrontend; outlives its gRPC server and every call.
// Thread-safe.
class ReflectionService {
 public:
  ReflectionService(ToolService& tools, Gate& live) : tools_(tools), live_(live) {}
  ReflectionService(const ReflectionService&) = delete;
  ReflectionService& operator=(const ReflectionService&) = delete;

  // To be registered with the server, both.
  grpc::reflection::v1::ServerReflection::AsyncService& v1() { return v1_; }
  grpc::reflection::v1alpha::ServerReflection::AsyncService& v1alpha() { return v1alpha_; }

  // Waits for RPCs on `queue`. Once per queue, after the server has started.
  void Arm(grpc::ServerCompletionQueue& queue, const Arming& arming);

  // Ends every stream, and from now on each that begins.
  void Drain();

  // Open streams, to be ended by Drain().
  class Stream {
   public:
    // Makes gRPC end it: its read or write comes back with ok=false. Under the lock.
    virtual void Cancel() = 0;

   protected:
    ~Stream() = default;
  };
  // False: draining, `stream` wasn't added.
  bool Add(Stream& stream);
  void Remove(Stream& stream);

  ToolService& tools() { return tools_; }
  const std::vector<std::string>& services() const { return services_; }
  const CommentedFiles& commented() const { return commented_; }

 private:
  ToolService& tools_;
  Gate& live_;
  grpc::reflection::v1::ServerReflection::AsyncService v1_;
  grpc::reflection::v1alpha::ServerReflection::AsyncService v1alpha_;
  const std::vector<std::string> services_{"grpc.health.v1.Health",
                                           "grpc.reflection.v1.ServerReflection",
                                           "grpc.reflection.v1alpha.ServerReflection",
                                           "mcpbridge.v1.CompletionService",
                                           "mcpbridge.v1.PromptService",
                                           "mcpbridge.v1.ResourceService",
                                           "mcpbridge.v1.SessionService",
                                           "mcpbridge.v1.ToolService",
                                           "model_context_protocol.Mcp"};

  const CommentedFiles commented_ = OwnCommentedFiles();

  std::mutex mutex_;  // of what follows
  std::set<Stream*> streams_;
  bool draining_ = false;
};

}  // namespace mcpbridge

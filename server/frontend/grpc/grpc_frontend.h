#pragma once

#include <grpcpp/server.h>

#include <memory>
#include <string>
#include <vector>

#include "server/base/deadline.h"
#include "server/base/error.h"
#include "server/frontend/grpc/arming.h"
#include "server/frontend/grpc/health_service.h"
#include "server/frontend/grpc/method_set.h"
#include "server/frontend/grpc/reflection_service.h"
#include "server/runtime/executor.h"
#include "server/runtime/gate.h"
#include "server/service/tool_service.h"
#include "server/upstream/status.h"

namespace mcpbridge {

// The gRPC front: the services of mcpbridge.v1, Google's MCP service, health and
// reflection on the executor's completion
// queues. Owned by App. All functions on main's thread, in this order: Start() -> Executor::Start()
// -> Arm() -> StopAccepting() -> Shutdown() -> Executor::DrainQueues() and StopLanes() ->
// destruction.
class GrpcFrontend {
 public:
  // `status` must not have another watcher.
  GrpcFrontend(ToolService& tools, ClientSessions& sessions, Executor& executor,
               StatusBoard& status, Arming arming = {});
  GrpcFrontend(const GrpcFrontend&) = delete;
  GrpcFrontend& operator=(const GrpcFrontend&) = delete;
  // Shuts down at once, if that wasn't done.
  ~GrpcFrontend();

  // Adds the queues to the executor and listens on `bridge.grpc_listen`; "localhost" is 127.0.0.1.
  // A unix socket is for this user only; one that is left over, with nobody listening, is replaced.
  // Returns the address with its real port. Error: kInternal, the address can't be listened on and
  // why.
  Result<std::string> Start();

  // From now on calls are taken.
  void Arm();

  // Ends the endless streams: health watchers are told NOT_SERVING, reflection is cut off, and
  // clients' streams end once they have no call under way. Calls still arrive; it is for
  // ToolService's closed gate to refuse them.
  void StopAccepting();

  // Takes no more calls and connections, lets those under way finish until `deadline`, cancels what
  // is left, and waits until gRPC is done with every one of them: then nothing is started on a
  // queue any more. False: that did not happen within 5 seconds of `deadline`; the queues must not
  // be drained.
  bool Shutdown(Deadline deadline);

 private:
  Result<std::string> Build(const ListenAddress& address);

  ToolService& tools_;
  Executor& executor_;
  const Arming arming_;
  Gate live_;  // every call object from arming to its end
  const std::vector<std::unique_ptr<MethodSet>> methods_;
  HealthService health_;
  ReflectionService reflection_;
  std::vector<grpc::ServerCompletionQueue*> queues_;  // owned by the executor
  std::unique_ptr<grpc::Server> server_;
  bool is_shut_down_ = false;
};

}  // namespace mcpbridge

#pragma once

#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/support/async_unary_call.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>

#include "mcpbridge/client.h"
#include "mcpbridge/v1/tool_service.grpc.pb.h"

namespace mcpbridge::client {

// An asynchronous call: shared by the caller's PendingCall and, until the call's end, by the Client
// whose completion queue it is on. Its address is its tag.
struct PendingCall::State {
  // Starts `request` on `queue`; `context` is ready but unused.
  void Start(v1::ToolService::Stub& stub, const v1::CallToolRequest& request,
             grpc::CompletionQueue& queue);

  // Makes the tag's arrival the call's end. Once, on the queue's thread.
  void OnTag();

  // Ends the call. Once, on any thread.
  void End(Outcome<CallResult> with);

  grpc::ClientContext context;

 private:
  friend class PendingCall;

  v1::CallToolResponse response_;
  grpc::Status status_;
  // Lives in the memory of the context's call: declared after it, destroyed before it.
  std::unique_ptr<grpc::ClientAsyncResponseReader<v1::CallToolResponse>> reader_;

  std::mutex mutex_;
  std::condition_variable ended_;
  std::optional<Outcome<CallResult>> outcome_;  // set once, under mutex_
};

}  // namespace mcpbridge::client

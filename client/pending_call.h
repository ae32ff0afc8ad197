#pragma once

#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/support/async_stream.h>
#include <grpcpp/support/async_unary_call.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>

#include "mcpbridge/client.h"
#include "mcpbridge/v1/tool_service.grpc.pb.h"

namespace mcpbridge::client {

// An asynchronous call: shared by the caller's PendingCall and, until the call's end, by the Client
// whose completion queue it is on. Its address is the tag of its one operation under way.
struct PendingCall::State {
  // One of these starts the call on `queue`; `context` is ready but unused.
  void Start(v1::ToolService::Stub& stub, const v1::CallToolRequest& request,
             grpc::CompletionQueue& queue);
  void Start(v1::ToolService::Stub& stub, const v1::CallToolStreamRequest& request,
             CallEvents events, grpc::CompletionQueue& queue);

  // The call whose tag, the only one it has under way, a queue has given back.
  static State& TakeBack(void* tag);

  // After TakeBack(). False: the call is over, and no other one is under way. On the queue's
  // thread.
  bool OnTag(bool ok);

  // Ends the call. Once, on any thread.
  void End(Outcome<CallResult> with);

  grpc::ClientContext context;

 private:
  friend class PendingCall;

  enum class Step { kStart, kRead, kFinish };

  // The tag of the operation that is now started.
  void* HandOver();
  bool OnStreamTag(bool ok);
  void OnEvent(v1::CallToolStreamResponse&& event);

  v1::CallToolResponse response_;
  v1::CallToolStreamResponse event_;
  bool has_response_ = false;
  grpc::Status status_;
  CallEvents events_;
  Step step_ = Step::kFinish;
  // One of them. They live in the memory of the context's call: declared after it, destroyed before
  // it.
  std::unique_ptr<grpc::ClientAsyncResponseReader<v1::CallToolResponse>> reader_;
  std::unique_ptr<grpc::ClientAsyncReader<v1::CallToolStreamResponse>> stream_;

  std::mutex mutex_;
  std::condition_variable ended_;
  std::optional<Outcome<CallResult>> outcome_;  // set once, under mutex_
};

}  // namespace mcpbridge::client

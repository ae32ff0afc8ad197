#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/async_unary_call.h>

#include <functional>

#include "server/base/error.h"
#include "server/frontend/grpc/metadata.h"
#include "server/frontend/grpc/status.h"
#include "server/frontend/grpc/unary_call.h"

namespace mcpbridge {

// The gRPC side of a UnaryCall. `kRequest` is the generated AsyncService's Request<Method>.
template <class AsyncService, class Request, class Response, auto kRequest>
class GrpcUnaryCall : public UnaryCall {
 protected:
  GrpcUnaryCall(Gate& live, AsyncService& service, grpc::ServerCompletionQueue& queue)
      : UnaryCall(live), service_(service), queue_(queue) {}

  void StartRequest(void* request_tag, void* done_tag) final {
    context_.AsyncNotifyWhenDone(done_tag);
    std::invoke(kRequest, service_, &context_, &request_, &responder_, &queue_, &queue_,
                request_tag);
  }
  bool IsCancelled() final { return context_.IsCancelled(); }

  // One of these ends the RPC. `response` is serialised before it returns.
  void Finish(const Response& response) { responder_.Finish(response, grpc::Status::OK, EndTag()); }
  void Finish(const Error& error) { responder_.FinishWithError(ToGrpcStatus(error), EndTag()); }

  // Why the caller isn't waiting any more.
  Error GoneError() const {
    return DeadlineOf(context_).expired()
               ? Error{.reason = Reason::kDeadlineExceeded, .message = "the call's deadline passed"}
               : Error{.reason = Reason::kCancelled, .message = "the caller cancelled the call"};
  }

  AsyncService& service_;
  grpc::ServerCompletionQueue& queue_;
  grpc::ServerContext context_;
  Request request_;

 private:
  grpc::ServerAsyncResponseWriter<Response> responder_{&context_};
};

}  // namespace mcpbridge

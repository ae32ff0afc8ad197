#pragma once

#include <grpcpp/support/async_stream.h>
#include <grpcpp/support/async_unary_call.h>

#include <functional>
#include <string>
#include <utility>

#include "server/base/error.h"
#include "server/frontend/grpc/admission.h"
#include "server/frontend/grpc/call_timing.h"
#include "server/frontend/grpc/lane_call.h"
#include "server/frontend/grpc/method_set.h"
#include "server/frontend/grpc/server_rpc.h"
#include "server/frontend/grpc/status.h"
#include "server/frontend/grpc/stream_call.h"
#include "server/routing/scope.h"

namespace mcpbridge {

// The gRPC side of a LaneCall, as `Machine` is one. `Rpc` names the method:
//
//   struct Rpc {
//     using AsyncService = ...;                                  // generated
//     using Request = ...;
//     using Response = ...;
//     static constexpr auto kRequest = &AsyncService::RequestX;  // generated
//   };
//
// and may have `static void AddTrailers(grpc::ServerContext&, const Error&)`, for a failure's
// trailers.
//
// `Call` is the class at the end, which has the constructor of this one.
template <class Call, class Rpc, class Machine, class Writer>
class GrpcCall : public Machine {
 public:
  using Methods = MethodSetOf<typename Rpc::AsyncService>;

  GrpcCall(Gate& live, Methods& methods, grpc::ServerCompletionQueue& queue)
      : Machine(live), methods_(methods), queue_(queue) {}

 protected:
  ToolService& tools() { return methods_.tools(); }
  const typename Rpc::Request& request() const { return request_; }
  grpc::ServerContext& context() { return rpc_.context; }
  Writer& writer() { return rpc_.stream; }

  // Lets the caller in; everything else comes after it. Error: it can't come in.
  std::optional<Error> Admit() {
    timing_.Arrive();
    return admission_.Enter(rpc_.context);
  }
  // The same for one that lasts as long as its caller likes.
  std::optional<Error> AdmitSubscription() {
    timing_.Arrive();
    return admission_.EnterSubscription(rpc_.context);
  }
  Deadline deadline() const { return admission_.deadline(); }
  CallerHeaders& headers() { return admission_.headers(); }

  CallTiming& timing() { return timing_; }
  // Once, before the RPC is ended.
  void AddTiming() { rpc_.context.AddTrailingMetadata("mcpbridge-timing", timing_.Text()); }

  // The server that the request names, or those that its metadata does.
  Result<Scope> ScopeOf(const std::string& server) {
    if (server.empty()) return tools().ScopeOf("", headers());
    const Result<std::size_t> index = FindServer(tools().config(), server);
    return index ? Result<Scope>(Scope(*index)) : index.error();
  }

  // Why the caller isn't waiting any more.
  Error GoneError() const {
    return DeadlineOf(rpc_.context).expired()
               ? Error{.reason = Reason::kDeadlineExceeded, .message = "the call's deadline passed"}
               : Error{.reason = Reason::kCancelled, .message = "the caller cancelled the call"};
  }

 private:
  void StartRequest(void* request_tag, void* done_tag) final {
    rpc_.context.AsyncNotifyWhenDone(done_tag);
    std::invoke(Rpc::kRequest, methods_.async(), &rpc_.context, &request_, &rpc_.stream, &queue_,
                &queue_, request_tag);
  }
  bool IsCancelled() final { return rpc_.context.IsCancelled(); }
  void ArmNext() final { ArmCall<Call>(methods_.live(), methods_, queue_); }

  Methods& methods_;
  grpc::ServerCompletionQueue& queue_;
  ServerRpc<Writer> rpc_;
  Admission admission_{methods_.tools(), rpc_.context};
  CallTiming timing_;
  typename Rpc::Request request_;
};

// A unary RPC.
template <class Call, class Rpc>
class GrpcUnaryCall : public GrpcCall<Call, Rpc, LaneCall,
                                      grpc::ServerAsyncResponseWriter<typename Rpc::Response>> {
 public:
  using GrpcUnaryCall::GrpcCall::GrpcCall;

 protected:
  // One of these ends the RPC. `response` is serialised before it returns.
  void Finish(const typename Rpc::Response& response) {
    this->AddTiming();
    this->writer().Finish(response, grpc::Status::OK, this->EndTag());
  }
  void Finish(const Error& error) {
    if constexpr (requires { Rpc::AddTrailers(this->context(), error); }) {
      Rpc::AddTrailers(this->context(), error);
    }
    this->AddTiming();
    this->writer().FinishWithError(ToGrpcStatus(error), this->EndTag());
  }
  // The same for what never becomes a call.
  void Refuse(const Error& error) {
    this->tools().observer().Refused(Front::kGrpc, error.reason);
    Finish(error);
  }
};

// An RPC whose answer is a stream.
template <class Call, class Rpc>
class GrpcStreamCall
    : public GrpcCall<Call, Rpc, StreamCall, grpc::ServerAsyncWriter<typename Rpc::Response>> {
 public:
  using GrpcStreamCall::GrpcCall::GrpcCall;

 protected:
  // `response` is serialised before it returns. In OnWritable().
  void Write(const typename Rpc::Response& response) {
    this->writer().Write(response, this->WriteTag());
  }
  // Ends the RPC. In OnWritable(), or in OnRequest() if it goes no further.
  void Finish(const grpc::Status& status) {
    this->AddTiming();
    this->writer().Finish(status, this->EndTag());
  }
};

}  // namespace mcpbridge

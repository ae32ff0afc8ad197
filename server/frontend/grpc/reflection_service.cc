#include "server/frontend/grpc/reflection_service.h"

#include <grpcpp/support/async_stream.h>

#include "server/frontend/grpc/metadata.h"
#include "server/frontend/grpc/reflection_answers.h"
#include "server/frontend/grpc/rpc_call.h"
#include "server/frontend/grpc/server_rpc.h"
#include "server/frontend/grpc/status.h"

namespace mcpbridge {
namespace {

struct V1 {
  using Request = grpc::reflection::v1::ServerReflectionRequest;
  using Response = grpc::reflection::v1::ServerReflectionResponse;
  static auto& Service(ReflectionService& reflection) { return reflection.v1(); }
};

struct V1Alpha {
  using Request = grpc::reflection::v1alpha::ServerReflectionRequest;
  using Response = grpc::reflection::v1alpha::ServerReflectionResponse;
  static auto& Service(ReflectionService& reflection) { return reflection.v1alpha(); }
};

// One stream: read, write, read, ... until the caller has no more questions or is gone. One
// operation at a time, so nothing here needs a lock.
template <class Api>
class ReflectionCall final : public RpcCall, private ReflectionService::Stream {
 public:
  ReflectionCall(Gate& live, ReflectionService& reflection, grpc::ServerCompletionQueue& queue)
      : RpcCall(live), live_(live), reflection_(reflection), queue_(queue) {}

 private:
  ~ReflectionCall() override { reflection_.Remove(*this); }

  void StartRequest(void* request_tag, void* done_tag) override {
    rpc_.context.AsyncNotifyWhenDone(done_tag);
    Api::Service(reflection_)
        .RequestServerReflectionInfo(&rpc_.context, &rpc_.stream, &queue_, &queue_, request_tag);
  }
  bool IsCancelled() override { return rpc_.context.IsCancelled(); }
  void ArmNext() override { ArmCall<ReflectionCall>(live_, reflection_, queue_); }

  void OnRequest() override {
    const auto refused = CheckKey(reflection_.tools(), MetadataHeaders(rpc_.context));
    if (refused) return Finish(ToGrpcStatus(*refused));
    if (!reflection_.Add(*this)) {
      return Finish(
          ToGrpcStatus({.reason = Reason::kShuttingDown, .message = "the bridge is stopping"}));
    }
    rpc_.stream.Read(&request_, read_.Start());
  }

  // A caller that is gone ends the read or write under way.
  void OnDone(bool /*cancelled*/) override { Release(); }
  void Cancel() override { rpc_.context.TryCancel(); }

  void HandleRead(bool ok) {
    if (!ok) return Finish(grpc::Status::OK);
    typename Api::Response response;
    AnswerReflection(answers_, request_, response);
    rpc_.stream.Write(response, write_.Start());
  }

  void HandleWrite(bool ok) {
    if (!ok) return Finish(grpc::Status::CANCELLED);
    rpc_.stream.Read(&request_, read_.Start());
  }

  void Finish(const grpc::Status& status) { rpc_.stream.Finish(status, FinishTag()); }

  Gate& live_;
  ReflectionService& reflection_;
  grpc::ServerCompletionQueue& queue_;
  ServerRpc<grpc::ServerAsyncReaderWriter<typename Api::Response, typename Api::Request>> rpc_;
  typename Api::Request request_;
  ReflectionAnswers answers_{reflection_.services(), reflection_.commented()};
  MemberTag<ReflectionCall, &ReflectionCall::HandleRead> read_{*this};
  MemberTag<ReflectionCall, &ReflectionCall::HandleWrite> write_{*this};
};

}  // namespace

void ReflectionService::Arm(grpc::ServerCompletionQueue& queue, const Arming& arming) {
  for (int i = 0; i < arming.rare; ++i) {
    ArmCall<ReflectionCall<V1>>(live_, *this, queue);
    ArmCall<ReflectionCall<V1Alpha>>(live_, *this, queue);
  }
}

void ReflectionService::Drain() {
  const std::lock_guard lock(mutex_);
  draining_ = true;
  for (Stream* stream : streams_) stream->Cancel();
}

bool ReflectionService::Add(Stream& stream) {
  const std::lock_guard lock(mutex_);
  if (draining_) return false;
  streams_.insert(&stream);
  return true;
}

void ReflectionService::Remove(Stream& stream) {
  const std::lock_guard lock(mutex_);
  streams_.erase(&stream);
}

}  // namespace mcpbridge

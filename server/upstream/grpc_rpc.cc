#include "server/upstream/grpc_rpc.h"

#include <grpcpp/support/slice.h>

#include <utility>

namespace mcpbridge {

void GrpcRpc::Start(grpc::GenericStub& stub, grpc::CompletionQueue& queue, const std::string& path,
                    const std::string& body) {
  const grpc::Slice slice(body);
  request_ = grpc::ByteBuffer(&slice, 1);
  self_ = shared_from_this();
  call_ = stub.PrepareCall(&context_, path, &queue);
  call_->StartCall(started_.Start());
}

// `ok`: the request goes out, as there is a connection.
void GrpcRpc::OnStarted(bool ok) {
  sent_ = ok;
  if (!ok) return call_->Finish(&status_, finished_.Start());
  sent_at_ = Deadline::Clock::now();
  call_->WriteLast(request_, grpc::WriteOptions(), written_.Start());
}

// Where it couldn't be written there may be an answer all the same.
void GrpcRpc::OnWritten(bool) {
  request_.Clear();
  call_->Read(&response_, read_.Start());
}

void GrpcRpc::OnRead(bool ok) {
  answered_ = ok;
  call_->Finish(&status_, finished_.Start());
}

void GrpcRpc::OnFinished(bool) {
  const std::shared_ptr<WhenGone> alive = std::move(alive_);
  Lane& lane = lane_;
  lane.Post([self = std::move(self_)] { self->Tell(); });
}

void GrpcRpc::Tell() {
  Handler* const handler = std::exchange(handler_, nullptr);
  if (handler != nullptr) handler->OnRpcEnd(*this);
}

void GrpcRpc::Abandon() {
  if (std::exchange(handler_, nullptr) != nullptr) context_.TryCancel();
}

std::string GrpcRpc::Trailer(const std::string& name) const {
  const auto& trailers = context_.GetServerTrailingMetadata();
  const auto found = trailers.find(name);
  return found == trailers.end() ? "" : std::string(found->second.data(), found->second.size());
}

}  // namespace mcpbridge

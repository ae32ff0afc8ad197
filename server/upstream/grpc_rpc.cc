#include "server/upstream/grpc_rpc.h"

#include <grpcpp/support/slice.h>

#include <utility>

namespace mcpbridge {

void GrpcRpc::Start(grpc::GenericStub& stub, Pump& pump, const std::string& path,
                    const std::string& body) {
  const grpc::Slice slice(body);
  request_ = grpc::ByteBuffer(&slice, 1);
  self_ = shared_from_this();
  context_.set_initial_metadata_corked(true);  // it goes out with the request, as one write
  call_ = stub.PrepareCall(&context_, path, &pump.queue());
  pump.Post(begin_);
}

void GrpcRpc::Begin() {
  const auto self = shared_from_this();  // all three may come back before the last has returned
  call_->StartCall(/*tag, which never comes back:*/ nullptr);
  call_->WriteLast(request_, grpc::WriteOptions(), written_.Start());
  call_->Read(&response_, read_.Start());
}

// `ok`: the request has gone out. Otherwise none of it has, unless it already had a connection.
void GrpcRpc::OnWritten(bool ok) {
  sent_ = ok || context_.peer().starts_with("ipv");
  sent_at_ = Deadline::Clock::now();
  CountBack();
}

void GrpcRpc::OnRead(bool ok) {
  answered_ = ok;
  CountBack();
}

void GrpcRpc::CountBack() {
  if (under_way_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  request_.Clear();
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

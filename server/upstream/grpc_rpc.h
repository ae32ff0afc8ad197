#pragma once

#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/byte_buffer.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "server/base/deadline.h"
#include "server/runtime/cq_tag.h"
#include "server/runtime/lane.h"
#include "server/runtime/pump.h"

namespace mcpbridge {

// Runs `gone` when nobody holds it any more, on whichever thread that is.
struct WhenGone {
  std::function<void()> gone = {};
  WhenGone() = default;
  WhenGone(const WhenGone&) = delete;
  WhenGone& operator=(const WhenGone&) = delete;
  ~WhenGone() {
    if (gone) gone();
  }
};

// One unary RPC: a write and a read, and when both have come back, the finish. gRPC's own unary
// call wouldn't tell whether the request has gone out. Begun and given up on its lane; owns itself
// until its last tag has come back.
class GrpcRpc final : public std::enable_shared_from_this<GrpcRpc> {
 public:
  class Handler {
   public:
    // It has ended. On the lane, once, unless it was abandoned before.
    virtual void OnRpcEnd(GrpcRpc& rpc) = 0;

   protected:
    ~Handler() = default;
  };

  // `alive` is held until nothing more is started on the queue.
  GrpcRpc(Lane& lane, Handler& handler, std::shared_ptr<WhenGone> alive)
      : lane_(lane), handler_(&handler), alive_(std::move(alive)) {}
  GrpcRpc(const GrpcRpc&) = delete;
  GrpcRpc& operator=(const GrpcRpc&) = delete;

  // Before Start(): its deadline and metadata.
  grpc::ClientContext& context() { return context_; }

  void Start(grpc::GenericStub& stub, Pump& pump, const std::string& path, const std::string& body);

  // Nobody waits for it any more: it is cancelled, if it is still under way. No handler runs
  // afterwards.
  void Abandon();

  // For the handler.
  const grpc::Status& status() const { return status_; }
  // Whether the request may have reached the server, and since when there was a connection.
  bool sent() const { return sent_; }
  Deadline::Clock::time_point sent_at() const { return sent_at_; }
  bool answered() const { return answered_; }
  grpc::ByteBuffer& response() { return response_; }
  // The last of its trailers of that name; empty: there is none.
  std::string Trailer(const std::string& name) const;

 private:
  // On pump threads.
  void Begin();
  void OnWritten(bool ok);
  void OnRead(bool ok);
  void CountBack();
  void OnFinished(bool ok);

  void Tell();

  Lane& lane_;
  Handler* handler_;  // null: abandoned, or told. On the lane.
  std::shared_ptr<WhenGone> alive_;
  std::shared_ptr<GrpcRpc> self_;  // while it has a tag to come back
  grpc::ClientContext context_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> call_;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer response_;
  grpc::Status status_;
  std::atomic<int> under_way_{2};  // of the write and the read
  bool sent_ = false;
  bool answered_ = false;
  Deadline::Clock::time_point sent_at_;

  MemberTask<GrpcRpc, &GrpcRpc::Begin> begin_{*this};
  MemberTag<GrpcRpc, &GrpcRpc::OnWritten> written_{*this};
  MemberTag<GrpcRpc, &GrpcRpc::OnRead> read_{*this};
  MemberTag<GrpcRpc, &GrpcRpc::OnFinished> finished_{*this};
};

}  // namespace mcpbridge

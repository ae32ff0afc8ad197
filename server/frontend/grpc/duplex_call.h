#pragma once

#include "server/frontend/grpc/stream_call.h"

namespace mcpbridge {

// An RPC of two streams, one each way. Beside the write that a StreamCall has under way, one read
// is; whoever doesn't start the next one holds its caller up. The RPC may be ended while a read is
// under way: gRPC gives that back then.
class DuplexCall : public StreamCall {
 protected:
  using StreamCall::StreamCall;

  // The read has come back. Not `ok`: the caller has said all that it wanted to, or is gone, which
  // OnCancel() tells. On the lane; not once the RPC has been ended.
  virtual void OnRead(bool ok) = 0;

  // For one read. On the lane; not once the RPC has been ended.
  void* ReadTag() {
    reading_ = true;
    Retain();
    return read_.Start();
  }
  bool is_reading() const { return reading_; }

 private:
  void HandleRead(bool ok) {
    lane().Post([this, ok] {
      reading_ = false;
      if (!ended()) OnRead(ok);
      Release();
    });
  }

  MemberTag<DuplexCall, &DuplexCall::HandleRead> read_{*this};
  bool reading_ = false;
};

}  // namespace mcpbridge

#pragma once

#include "server/frontend/grpc/lane_call.h"

namespace mcpbridge {

// An RPC whose answer is a stream. One write is under way at a time, so the stream goes at its
// reader's pace; what comes faster is for the call to keep or to drop.
//
// A write belongs to the call's own work, like a step on the lane: the RPC is ended only when none
// is under way. OnCancel() drops what was to be written and ends with Proceed(); it comes a second
// time if the write under way fails.
class StreamCall : public LaneCall {
 protected:
  using LaneCall::LaneCall;

  // No write is under way: start one with WriteTag(), end the RPC with EndTag(), or do neither
  // until there is something to be done; then call Proceed(). On the lane, or, if OnCancel() runs
  // there, on the pump thread.
  virtual void OnWritable() = 0;

  // There may be something to write, or the end has come. The call may be gone afterwards if it
  // has.
  void Proceed() {
    if (!writing_ && !ended()) OnWritable();
  }

  // For one write. On the lane.
  void* WriteTag() {
    writing_ = true;
    return write_.Start();
  }

 private:
  void HandleWrite(bool ok) {
    lane().Post([this, ok] {
      writing_ = false;
      ok ? Proceed() : OnCancel();
    });
  }

  MemberTag<StreamCall, &StreamCall::HandleWrite> write_{*this};
  bool writing_ = false;
};

}  // namespace mcpbridge

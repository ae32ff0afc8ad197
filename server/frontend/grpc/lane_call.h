#pragma once

#include <atomic>

#include "server/frontend/grpc/rpc_call.h"
#include "server/runtime/lane.h"
#include "server/runtime/pump.h"

namespace mcpbridge {

// An RPC of one request: answered on the pump thread it arrived on, or on one lane. Its caller's
// giving up is delivered there as OnCancel(), at most once, and never once the RPC has been
// finished.
//
// A pump may find the RPC done while another one is still in OnRequest(). Both leave a mark;
// whoever comes second sees the other's. So either the done tag posts the cancel to the lane, or
// ContinueOn() delivers it. On the lane the cancel may overtake the call's own beginning: then it
// waits for it.
class LaneCall : public RpcCall {
 protected:
  using RpcCall::RpcCall;

  // Goes on as OnLane() on `lane`. At most once, from OnRequest(), which touches nothing of the
  // call afterwards: it may be gone.
  void ContinueOn(Lane& lane) {
    lane_ = &lane;
    pump_ = Pump::Current();
    if ((marks_.fetch_or(kOnLane, std::memory_order_acq_rel) & kCancelled) != 0) {
      OnCancel();
      return;
    }
    lane.Post([this] { BeginOnLane(); });
  }

  // The call's work, on the lane. It must lead to Finish().
  virtual void OnLane() = 0;

  // The caller has given up: end the work, if it has begun, and Finish(). On the lane, or, if the
  // lane wasn't reached yet, on the pump thread instead of OnLane().
  virtual void OnCancel() = 0;

  Lane& lane() { return *lane_; }
  bool ended() const { return ended_; }

  // The tag of the operation that ends the RPC. On the pump thread in OnRequest(), or on the lane.
  void* EndTag() {
    ended_ = true;
    return FinishTag();
  }

  // The same by way of the pump: `task` starts the operation, with FinishTag(). On the lane; the
  // call may be gone afterwards.
  void EndOnPump(PumpTask& task) {
    ended_ = true;
    pump_->Post(task);
  }

 private:
  static constexpr unsigned kOnLane = 1;
  static constexpr unsigned kCancelled = 2;

  void OnDone(bool cancelled) final {
    if (cancelled && (marks_.fetch_or(kCancelled, std::memory_order_acq_rel) & kOnLane) != 0) {
      lane_->Post([this] { CancelOnLane(); });  // Release() is its last step
      return;
    }
    Release();
  }

  void BeginOnLane() {
    begun_ = true;
    if (cancelled_) {
      OnCancel();
    } else {
      OnLane();
    }
  }

  void CancelOnLane() {
    cancelled_ = true;
    if (begun_ && !ended_) OnCancel();
    Release();
  }

  std::atomic<unsigned> marks_{0};
  Lane* lane_ = nullptr;  // written before kOnLane, read after it, like `pump_`
  Pump* pump_ = nullptr;  // that the RPC has arrived on
  // On the lane only, but for `ended_` of a call that never goes there.
  bool begun_ = false;
  bool cancelled_ = false;
  bool ended_ = false;
};

}  // namespace mcpbridge

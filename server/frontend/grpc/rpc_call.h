#pragma once

#include <atomic>
#include <cassert>
#include <utility>

#include "server/runtime/cq_tag.h"
#include "server/runtime/gate.h"

namespace mcpbridge {

// One RPC from arming to its last tag: what unary and streaming calls have in common. Owns itself
// once armed, and is freed when nothing is outstanding, on whichever thread that happens; never
// reused.
//
// Two things are outstanding from arming on: gRPC's done tag, and the call's own work, which begins
// with the request tag and ends with the finish tag. Whatever lies between (a lane, a read, a
// write) is one thing after the other, so it needs no counting; what isn't is counted by Retain().
// A request tag that comes back with ok=false (the server is shutting down) frees the call at once:
// its done tag never comes.
class RpcCall {
 public:
  RpcCall(const RpcCall&) = delete;
  RpcCall& operator=(const RpcCall&) = delete;

  // Waits for an RPC. Call once, with `new`ed objects only. Any thread, until the queue is shut
  // down.
  void Arm() { StartRequest(request_.Start(), done_.Start()); }

 protected:
  // `live` has been entered once for this call, which leaves it in its destructor: while it isn't
  // empty, operations may still be started on the queue.
  explicit RpcCall(Gate& live) : live_(live) {}
  virtual ~RpcCall() { live_.Leave(); }

  // What gRPC does, or a test in its place: asks for one RPC and for its done tag.
  virtual void StartRequest(void* request_tag, void* done_tag) = 0;
  // Whether the RPC ended before a status was sent. In the done tag's handler only.
  virtual bool IsCancelled() = 0;

  // The RPC has arrived: puts another call in the place of this one, if `live` lets it in.
  virtual void ArmNext() = 0;

  // The RPC has arrived. Must lead to one operation that takes FinishTag(); the call may be gone as
  // soon as that is started. On a pump thread.
  virtual void OnRequest() = 0;

  // gRPC is done with the RPC; may come before, during or after OnRequest(), on another pump
  // thread. Owes one Release().
  virtual void OnDone(bool cancelled) = 0;

  // For the operation that ends the RPC. Once.
  void* FinishTag() {
    assert(!std::exchange(finish_started_, true));
    return finish_.Start();
  }

  // One more thing is outstanding, which owes a Release(). Only while the call's own work is.
  void Retain() { outstanding_.fetch_add(1, std::memory_order_relaxed); }

  // One of the outstanding things is over. Nothing of the call may be touched afterwards.
  void Release() {
    if (outstanding_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

 private:
  void HandleRequest(bool ok) {
    if (!ok) {
      delete this;
      return;
    }
    ArmNext();
    OnRequest();
  }
  void HandleDone(bool /*ok: always true*/) { OnDone(IsCancelled()); }
  void HandleFinish(bool /*ok: the status may not have gone out; there is nothing to do then*/) {
    Release();
  }

  Gate& live_;
  MemberTag<RpcCall, &RpcCall::HandleRequest> request_{*this};
  MemberTag<RpcCall, &RpcCall::HandleDone> done_{*this};
  MemberTag<RpcCall, &RpcCall::HandleFinish> finish_{*this};
  std::atomic<int> outstanding_{2};
  [[maybe_unused]] bool finish_started_ = false;
};

// Arms one `Call`, unless `live` is closed.
template <class Call, class... Args>
void ArmCall(Gate& live, Args&&... args) {
  if (live.Enter() == Gate::Entry::kEntered) (new Call(live, std::forward<Args>(args)...))->Arm();
}

}  // namespace mcpbridge

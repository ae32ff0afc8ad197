#pragma once

#if defined(MCPBRIDGE_TSAN)
#include <sanitizer/tsan_interface.h>
#endif

namespace mcpbridge {

// gRPC isn't instrumented for ThreadSanitizer: it can't see that what was written before a tag was
// handed over is read only after it has come back. These two say so; otherwise they do nothing.
inline void HandOverTag([[maybe_unused]] void* tag) {
#if defined(MCPBRIDGE_TSAN)
  __tsan_release(tag);
#endif
}
inline void TakeBackTag([[maybe_unused]] void* tag) {
#if defined(MCPBRIDGE_TSAN)
  __tsan_acquire(tag);
#endif
}

// What a gRPC completion queue hands back: every operation started on one of the Executor's queues
// takes a CqTag* as its tag, and its Complete() runs exactly once, on one of that queue's pump
// threads.
class CqTag {
 public:
  // `ok` is as grpc::CompletionQueue::Next() gives it.
  virtual void Complete(bool ok) = 0;

 protected:
  ~CqTag() =
      default;  // a tag is a member of its call, which owns itself; nobody deletes through this
};

// A tag that is a member of the call whose member function it runs.
template <class Call, void (Call::*kHandler)(bool ok)>
class MemberTag final : public CqTag {
 public:
  explicit MemberTag(Call& call) : call_(call) {}

  // What gRPC takes as the tag of one operation.
  void* Start() {
    CqTag* tag = this;
    HandOverTag(tag);
    return tag;
  }

  void Complete(bool ok) override { (call_.*kHandler)(ok); }

 private:
  Call& call_;
};

}  // namespace mcpbridge

#pragma once

namespace mcpbridge {

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

}  // namespace mcpbridge

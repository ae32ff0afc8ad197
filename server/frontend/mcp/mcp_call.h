#pragma once

namespace mcpbridge {

// A JSON-RPC request that is being worked on, and has a Reply for its answer. The front that took
// it in owns it until the answer has been given; not destroyed from within its Reply. Destroying
// it before that cancels it. Lane-only.
class McpCall {
 public:
  virtual ~McpCall() = default;

  // Whether its caller can take it back: it may be long in coming to its end.
  virtual bool can_be_cancelled() const { return false; }
  // Its caller takes it back, and is told so as its answer. Ignored where that can't be.
  virtual void CancelByCaller() {}

  // All that was said ahead of the answer has been written.
  virtual void OnDrained() {}

  // Ends a call that would go on until its caller has had enough, with a result. False: it isn't
  // one, and comes to an end by itself.
  virtual bool CompleteIfEndless() { return false; }
};

}  // namespace mcpbridge

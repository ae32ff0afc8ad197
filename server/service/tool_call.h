#pragma once

#include <memory>
#include <optional>
#include <string>

#include "server/base/deadline.h"
#include "server/base/error.h"
#include "server/mcp/call_params.h"
#include "server/runtime/deadline_queue.h"
#include "server/runtime/lane.h"
#include "server/service/tool_service.h"
#include "server/upstream/upstream.h"

namespace mcpbridge {

// A tools/call as either front hands it over.
struct ToolCallRequest {
  std::string server;  // from the path or the request; empty: none named
  CallParams params;
  Deadline deadline;       // the caller's own; the server's and the bridge's bounds are added
  CallerHeaders& headers;  // for `extra_headers`; used in Start() only
};

// One tools/call from routing to its reply: a deadline, one exchange, and nothing else. It can't
// reach a session, a pool, the executor or another call. Owned by the front's call object; created,
// used and destroyed on one lane. Destroying it before its end cancels it: the upstream is told,
// nobody else notices.
class ToolCall final : private ReplyHandler, private DeadlineEntry {
 public:
  class Handler {
   public:
    // The call's end, exactly once unless it was destroyed or cancelled before: the upstream's
    // answer (kResult, or kError), valid during this call only, or why there is none. The ToolCall
    // may be destroyed in here.
    virtual void OnToolCallEnd(Result<jsonrpc::Message> message) = 0;

   protected:
    ~Handler() = default;
  };

  ToolCall(ToolService& service, Lane& lane, Handler& handler);
  ~ToolCall() override;

  // Routes and sends. An error ends the call at once: the handler won't run.
  std::optional<Error> Start(ToolCallRequest request);

 private:
  // What a question about tools needs to know whether its call is still there.
  struct Alive {
    ToolCall* call;
  };

  std::optional<Error> RouteAndSend(bool may_ask);
  std::optional<Error> Send(const Route& route);
  void Ask(std::optional<std::size_t> server);
  void OnAsked(const std::optional<Error>& error);
  void ArmDeadline();
  void OnReply(Result<jsonrpc::Message> message) override;
  void OnDeadline() override;
  void End(Result<jsonrpc::Message> message);

  ToolService& service_;
  Lane& lane_;
  Handler& handler_;
  std::string server_;
  CallParams params_;
  Deadline deadline_;
  Headers forwarded_;
  std::unique_ptr<Exchange> exchange_;
  std::shared_ptr<Alive> asking_;  // while servers are asked whether they have the tool after all
};

}  // namespace mcpbridge

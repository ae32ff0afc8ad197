#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "server/base/deadline.h"
#include "server/base/error.h"
#include "server/mcp/call_params.h"
#include "server/mcp/input_required.h"
#include "server/observe/call_meter.h"
#include "server/routing/scope.h"
#include "server/runtime/deadline_queue.h"
#include "server/runtime/lane.h"
#include "server/service/asking_call.h"
#include "server/service/client_session.h"
#include "server/service/tool_service.h"
#include "server/upstream/upstream.h"

namespace mcpbridge {

// A request that one server answers, as either front hands it over.
struct CallRequest {
  Scope scope;  // the servers it may go to
  CallParams params;
  Deadline deadline;       // the caller's own; the server's and the bridge's bounds are added
  CallerHeaders& headers;  // for `extra_headers`; used in Start() only
  std::shared_ptr<ClientSession> session = {};  // the caller's; null: it has none
  // The caller is of the era without sessions: its params say all of it.
  bool modern = false;
  // Its Mcp-Param-* headers, passed on with a request of that era. nullopt: its front has none, and
  // servers that want them get those that are made here.
  std::optional<Headers> param_headers = {};
  // Where one server is in scope, it is asked even for what it doesn't list: it knows best what it
  // has, and says so itself.
  bool forward_unknown = false;
  Front front = Front::kBridge;              // how it came in
  Deadline::Clock::time_point arrived = {};  // and when; the epoch: just now
};

// One such request from routing to its reply: a deadline, one exchange, and nothing else. It can't
// reach a session, a pool, the executor or another call. Owned by the front's call object; created,
// used and destroyed on one lane. Destroying it before its end cancels it: the upstream is told,
// nobody else notices.
class RoutedCall final : private ReplyHandler, private DeadlineEntry {
 public:
  class Handler {
   public:
    // The call's end, exactly once unless it was destroyed or cancelled before: the upstream's
    // answer (kResult, or kError), valid during this call only, or why there is none. The
    // RoutedCall may be destroyed in here.
    virtual void OnCallEnd(Result<jsonrpc::Message> message) = 0;

    // See ReplyHandler::OnConnected().
    virtual void OnCallConnected(Deadline::Clock::time_point /*at*/) {}

    // What the server says in the course of the call: `params` is raw, with the caller's own
    // progress token in it. The RoutedCall must not be destroyed in here.
    virtual void OnCallNotification(std::string_view /*method*/, std::string /*params*/) {}

    // What the server asks in the course of the call, under the raw id `id`. True: Answer() will
    // follow. False: the caller can't be asked. Otherwise as OnCallNotification().
    virtual bool OnCallRequest(std::string_view /*id*/, std::string_view /*method*/,
                               std::string_view /*params*/) {
      return false;
    }

    // The server wants to be asked for the rest again after `retry`, which the call does. Otherwise
    // as OnCallNotification().
    virtual void OnCallBrokenOff(std::chrono::milliseconds /*retry*/) {}

   protected:
    ~Handler() = default;
  };

  RoutedCall(ToolService& service, Lane& lane, Handler& handler);
  ~RoutedCall() override;

  // Routes and sends. An error ends the call at once: the handler won't run.
  std::optional<Error> Start(CallRequest request);

  // The caller's answer to a request of the server's: a whole JSON-RPC response with the server's
  // id.
  void Answer(std::string response);

  // Whether a caller of the era without sessions has its answer from a server of the era before, so
  // that it lacks what only that era has.
  bool was_translated() const { return modern_ && translated_; }

  // What the caller wants to find before the ids of tasks in its answer; see TaskPrefixOf().
  const std::string& task_prefix() const { return task_prefix_; }
  // The server it was sent to; of no meaning before.
  std::size_t server() const { return route_; }
  // Whether it is under way at a server that the configuration hasn't any more, or not so.
  bool is_at_retired_server() const;

 private:
  // What a question about tools needs to know whether its call is still there.
  struct Alive {
    RoutedCall* call;
  };

  std::optional<Error> Begin(CallRequest& request);
  void ReadTrace(const CallerHeaders& headers);
  void AddTrace(UpstreamRequest& request, const ServerConfig& server) const;
  void EndTrace(const Result<jsonrpc::Message>& message);
  // The configuration it is under, from its routing to its end, whatever is loaded meanwhile.
  const Config& config() const { return table_->config(); }
  const std::shared_ptr<Server>& Reached() const { return table_->servers()->At(route_); }
  std::optional<Error> RouteAndSend(bool may_ask);
  std::shared_ptr<CatalogueView> CallersView() const;
  Result<Route> Resolve(const RouteTable& table) const;
  std::optional<Error> Send(const RouteTable& table, const Route& route);
  std::string About() const;
  std::optional<Error> Resume(InputResponses responses);
  Result<std::string> ToLegacyEra();
  std::optional<Error> SendModern(Upstream& upstream);
  std::optional<Error> SendLegacy();
  std::optional<Error> SendTo(Upstream& upstream, UpstreamRequest request);
  std::optional<Error> SendAsking(std::shared_ptr<Upstream> session,
                                  const std::string& capabilities, UpstreamRequest request);
  void LetGo();
  Headers HeadersFor(std::size_t server) const;
  Result<Headers> ParamHeadersFor(std::size_t server) const;
  void Ask(std::optional<std::size_t> server);
  void OnAsked(const std::optional<Error>& error);
  void ArmDeadline();
  void OnReply(Result<jsonrpc::Message> message) override;
  void OnConnected(Deadline::Clock::time_point at) override {
    meter_.Connect(at);
    handler_.OnCallConnected(at);
  }
  void OnNotification(jsonrpc::Message& message) override;
  void OnProgress(jsonrpc::Message& message);
  bool OnRequest(jsonrpc::Message& message) override;
  void OnBrokenOff(std::chrono::milliseconds retry) override { handler_.OnCallBrokenOff(retry); }
  void OnDeadline() override;
  void End(Result<jsonrpc::Message> message);

  ToolService& service_;
  Lane& lane_;
  Handler& handler_;
  std::shared_ptr<CatalogueView> view_;  // where names are looked up; null: what all see
  // What all see as of its routing; with it, the servers as they were then. Null: it is over.
  std::shared_ptr<const RouteTable> table_;
  Scope scope_;
  bool forward_unknown_ = false;
  bool modern_ = false;
  bool translated_ = false;
  std::optional<Headers> param_headers_;
  std::size_t route_ = 0;  // the server it goes to, once that is known
  std::string task_prefix_;
  CallParams params_;
  std::string progress_token_;  // the caller's, raw; empty: it wants no progress
  Deadline deadline_;
  Headers forwarded_;
  std::optional<TraceContext> context_;  // what the server is told of its place in a trace
  bool context_in_params_ = false;       // they say so already
  std::unique_ptr<CallTrace> trace_;     // null: there are no spans of it
  std::shared_ptr<ClientSession> session_;
  std::shared_ptr<Upstream> upstream_;  // the caller's or the call's own; null: the shared one
  std::unique_ptr<Exchange> exchange_;
  // Instead of the exchange, where the server may ask a caller of the modern era.
  std::shared_ptr<AskingCall> asking_call_;
  std::shared_ptr<AskingCall::Caller> caller_;
  std::shared_ptr<Alive> asking_;  // while servers are asked whether they have the tool after all
  CallMeter meter_;
};

}  // namespace mcpbridge

#include "server/frontend/grpc/call_tool_stream.h"

#include <utility>

#include "server/frontend/grpc/call_events.h"
#include "server/frontend/grpc/results.h"
#include "server/mcp/modern.h"

namespace mcpbridge {

void CallToolStreamCall::OnRequest() {
  if (const std::optional<Error> refused = Admit()) return Finish(ToGrpcStatus(*refused));
  if (!request().log_level().empty() && !IsLogLevel(request().log_level())) {
    return Finish(ToGrpcStatus({.reason = Reason::kInvalidArguments,
                                .message = "log_level must be debug, info, notice, warning, "
                                           "error, critical, alert or emergency"}));
  }
  Result<RoutedRequest> routed = RoutedRequestOf(request());
  if (!routed) return Finish(ToGrpcStatus(routed.error()));
  routed_request_ = *std::move(routed);
  Result<Scope> scope = ScopeOf(routed_request_.server);
  if (!scope) return Finish(ToGrpcStatus(scope.error()));
  scope_ = *std::move(scope);
  ContinueOn(tools().PickLane(routed_request_.server, routed_request_.params.key));
}

void CallToolStreamCall::OnLane() {
  timing().Begin();
  end_ = Min(deadline(), Deadline::After(tools().config().bridge.limits.call_timeout));
  call_.emplace(tools(), lane(), *this);
  const std::optional<Error> error =
      call_->Start(CallRequest{.scope = std::move(scope_),
                               .params = std::move(routed_request_.params),
                               .deadline = deadline(),
                               .headers = headers(),
                               .modern = routed_request_.modern,
                               .forward_unknown = routed_request_.modern,
                               .front = Front::kGrpc,
                               .arrived = timing().arrived()});
  if (error) EndWith(ToGrpcStatus(*error));
}

void CallToolStreamCall::OnCallNotification(std::string_view method, std::string params) {
  timing().Hear();
  // A question's, whose id is the server's: nobody here was asked.
  if (method == "notifications/cancelled") return;
  v1::CallToolStreamResponse event =
      EventOf(method, std::move(params), request().call().result_format());
  if (event.has_log_message() && !IsWanted(event.log_message().level(), request().log_level())) {
    return;
  }
  events_.Push(std::move(event));
  Proceed();
}

void CallToolStreamCall::OnCallEnd(Result<jsonrpc::Message> message) {
  if (!message) return EndWith(ToGrpcStatus(message.error()));
  timing().Hear();
  EndWith(AnswerWith(*message));
}

grpc::Status CallToolStreamCall::AnswerWith(jsonrpc::Message& message) {
  if (message.kind == jsonrpc::Kind::kError) {
    return ToGrpcStatus(jsonrpc::UpstreamErrorOf(message.error));
  }
  v1::CallToolStreamResponse response;
  const std::optional<Error> error =
      FillResult(message, request().call().result_format(), *response.mutable_result(), 1);
  if (error) return ToGrpcStatus(*error);
  result_ = std::move(response);
  return grpc::Status::OK;
}

void CallToolStreamCall::EndWith(grpc::Status status) {
  call_.reset();
  status_ = std::move(status);
  lane().deadlines().Arm(*this, end_);
  Proceed();
}

// Its events have nobody to read them any more.
void CallToolStreamCall::OnCancel() {
  call_.reset();
  events_ = EventQueue();
  result_.reset();
  status_ = ToGrpcStatus(GoneError());
  Proceed();
}

void CallToolStreamCall::OnWritable() {
  if (!events_.empty()) return Write(events_.Pop());
  if (result_) {
    result_->set_dropped(events_.TakeDropped());
    Write(*result_);
    return result_.reset();
  }
  if (!status_) return;
  Disarm();
  Finish(*status_);
}

}  // namespace mcpbridge

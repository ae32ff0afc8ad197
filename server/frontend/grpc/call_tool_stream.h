#pragma once

#include <mcpbridge/v1/tool_service.grpc.pb.h>

#include <optional>
#include <string>

#include "server/frontend/grpc/event_queue.h"
#include "server/frontend/grpc/grpc_call.h"
#include "server/frontend/grpc/request_params.h"
#include "server/runtime/deadline_queue.h"
#include "server/service/routed_call.h"

namespace mcpbridge {

struct CallToolStreamRpc {
  using AsyncService = v1::ToolService::AsyncService;
  using Request = v1::CallToolStreamRequest;
  using Response = v1::CallToolStreamResponse;
  static constexpr auto kRequest = &AsyncService::RequestCallToolStream;
};

// One CallToolStream. What its server says waits in an EventQueue while a write is under way; the
// answer waits beside it. A reader who doesn't read has until the call's deadline, then the stream
// is cancelled.
class CallToolStreamCall final : public GrpcStreamCall<CallToolStreamCall, CallToolStreamRpc>,
                                 public RoutedCall::Handler,
                                 private DeadlineEntry {
 public:
  using GrpcStreamCall::GrpcStreamCall;

 private:
  void OnRequest() override;
  void OnLane() override;
  void OnCancel() override;
  void OnCallConnected(Deadline::Clock::time_point at) override { timing().Connect(at); }
  void OnCallNotification(std::string_view method, std::string params) override;
  void OnCallEnd(Result<jsonrpc::Message> message) override;
  void OnWritable() override;
  void OnDeadline() override { context().TryCancel(); }

  grpc::Status AnswerWith(jsonrpc::Message& message);
  void EndWith(grpc::Status status);

  RoutedRequest routed_request_;
  Scope scope_;
  Deadline end_;  // of the call and of its reader
  std::optional<RoutedCall> call_;
  EventQueue events_;
  std::optional<v1::CallToolStreamResponse> result_;  // to be written behind the events
  std::optional<grpc::Status> status_;                // to end with, behind all of it
};

}  // namespace mcpbridge

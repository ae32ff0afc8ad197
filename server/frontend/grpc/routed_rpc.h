#pragma once

#include <google/protobuf/arena.h>

#include <array>
#include <memory>
#include <optional>
#include <utility>

#include "server/frontend/grpc/grpc_call.h"
#include "server/frontend/grpc/request_params.h"
#include "server/service/routed_call.h"

namespace mcpbridge {

// A unary RPC that one server answers. Beside what GrpcCall wants, `Rpc` has:
//
//   static Result<RoutedRequest> Params(const Request&);
//   static std::optional<Error> Fill(const Request&, jsonrpc::Message& result, Response&);
template <class Rpc>
class RoutedRpc final : public GrpcUnaryCall<RoutedRpc<Rpc>, Rpc>, public RoutedCall::Handler {
 public:
  using RoutedRpc::GrpcUnaryCall::GrpcUnaryCall;

 private:
  void OnRequest() override {
    if (const std::optional<Error> refused = this->Admit()) return this->Finish(*refused);
    Result<RoutedRequest> routed = Rpc::Params(this->request());
    if (!routed) return this->Refuse(routed.error());
    routed_request_ = *std::move(routed);
    Result<Scope> scope = this->ScopeOf(routed_request_.server);
    if (!scope) return this->Refuse(scope.error());
    scope_ = *std::move(scope);
    this->ContinueOn(this->tools().PickLane(routed_request_.server, routed_request_.params.key));
  }

  void OnLane() override {
    this->timing().Begin();
    call_.emplace(this->tools(), this->lane(), *this);
    const std::optional<Error> error =
        call_->Start(CallRequest{.scope = std::move(scope_),
                                 .params = std::move(routed_request_.params),
                                 .deadline = this->deadline(),
                                 .headers = this->headers(),
                                 .modern = routed_request_.modern,
                                 .forward_unknown = routed_request_.modern,
                                 .front = Front::kGrpc,
                                 .arrived = this->timing().arrived()});
    if (!error) return;
    call_.reset();
    this->Finish(*error);
  }

  void OnCancel() override {
    call_.reset();
    this->Finish(this->GoneError());
  }

  void OnCallConnected(Deadline::Clock::time_point at) override { this->timing().Connect(at); }

  void OnCallNotification(std::string_view, std::string) override { this->timing().Hear(); }

  void OnCallEnd(Result<jsonrpc::Message> message) override {
    if (message) this->timing().Hear();
    if (!message) {
      const Error error = std::move(message).error();
      call_.reset();
      return this->Finish(error);
    }
    Answer(*message);
  }

  // A response and its memory: small ones are whole in the first bytes, few enough that malloc
  // takes the whole from what its thread keeps at hand (up to 1,032 bytes).
  struct Answered {
    static constexpr std::size_t kSmall = 896;

    Answered() : arena(Options(memory)) {}
    static google::protobuf::ArenaOptions Options(std::array<char, kSmall>& memory) {
      google::protobuf::ArenaOptions options;
      options.initial_block = memory.data();
      options.initial_block_size = memory.size();
      return options;
    }

    alignas(8) std::array<char, kSmall> memory;
    google::protobuf::Arena arena;
    typename Rpc::Response& response =
        *google::protobuf::Arena::CreateMessage<typename Rpc::Response>(&arena);
  };
  static_assert(sizeof(Answered) <= 1032);

  void Answer(jsonrpc::Message& message) {
    auto answer = std::make_unique<Answered>();
    const std::optional<Error> error = message.kind == jsonrpc::Kind::kError
                                           ? jsonrpc::UpstreamErrorOf(message.error)
                                           : Rpc::Fill(this->request(), message, answer->response);
    call_.reset();  // the message is gone with it
    if (error) return this->Finish(*error);
    this->AddTiming();
    answer_ = std::move(answer);
    this->EndOnPump(send_);
  }

  void SendAnswer() {
    const auto answer = std::move(answer_);  // the call may be gone before it
    this->writer().Finish(answer->response, grpc::Status::OK, this->FinishTag());
  }

  RoutedRequest routed_request_;
  Scope scope_;
  std::optional<RoutedCall> call_;
  std::unique_ptr<Answered> answer_;
  MemberTask<RoutedRpc, &RoutedRpc::SendAnswer> send_{*this};
};

}  // namespace mcpbridge

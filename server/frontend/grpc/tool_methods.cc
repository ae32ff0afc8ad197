#include "server/frontend/grpc/tool_methods.h"

#include <google/protobuf/arena.h>

#include <array>
#include <memory>
#include <optional>
#include <utility>

#include "server/frontend/grpc/content.h"
#include "server/frontend/grpc/grpc_unary_call.h"
#include "server/frontend/grpc/struct_json.h"
#include "server/frontend/grpc/tool_listing.h"
#include "server/service/routed_call.h"

namespace mcpbridge {
namespace {

using AsyncService = v1::ToolService::AsyncService;

// The params that `request` asks for. Errors: kInvalidArguments.
Result<CallParams> ParamsOf(const v1::CallToolRequest& request) {
  std::string arguments;
  std::string meta;
  if (request.has_arguments()) {
    Result<std::string> json = StructToJson(request.arguments());
    if (!json) return json.error();
    arguments = *std::move(json);
  } else if (request.has_arguments_json()) {
    if (request.arguments_json().empty()) {
      return Error{.reason = Reason::kInvalidArguments,
                   .message = "arguments_json must be a JSON object, not empty"};
    }
    arguments = request.arguments_json();
  }
  if (request.has_meta()) {
    Result<std::string> json = StructToJson(request.meta());
    if (!json) return json.error();
    meta = *std::move(json);
  }
  return MakeCallParams(request.name(), arguments, meta);
}

// What every method of the service begins and ends with: the key, the count of calls under way.
template <class Call, class Request, class Response, auto kRequest>
class ToolMethodCall : public GrpcUnaryCall<AsyncService, Request, Response, kRequest> {
 public:
  using Base = GrpcUnaryCall<AsyncService, Request, Response, kRequest>;

  ToolMethodCall(Gate& live, ToolMethods& methods, grpc::ServerCompletionQueue& queue)
      : Base(live, methods.async(), queue), methods_(methods), live_(live) {}

 protected:
  ~ToolMethodCall() override {
    if (entered_) tools().Leave();
  }

  ToolService& tools() { return methods_.tools(); }
  Deadline deadline() const { return deadline_; }

  // Error: the caller can't come in.
  std::optional<Error> Admit() {
    if (!tools().Authorized(headers_)) {
      return Error{.reason = Reason::kUnauthenticated,
                   .message = "a valid key is needed: authorization: Bearer, or x-litellm-api-key"};
    }
    deadline_ = DeadlineOf(this->context_);
    if (deadline_.expired()) {
      return Error{.reason = Reason::kDeadlineExceeded,
                   .message = "the call arrived after its deadline"};
    }
    std::optional<Error> refused = tools().Enter();
    entered_ = !refused.has_value();
    return refused;
  }

  // The server that the request names, or those that its metadata does.
  Result<Scope> ScopeOf(const std::string& server) {
    if (server.empty()) return tools().ScopeOf("", headers_);
    const Result<std::size_t> index = FindServer(tools().config(), server);
    return index ? Result<Scope>(Scope(*index)) : index.error();
  }

  MetadataHeaders headers_{this->context_};

 private:
  void ArmNext() final { ArmCall<Call>(live_, methods_, this->queue_); }

  ToolMethods& methods_;
  Gate& live_;
  Deadline deadline_;  // the caller's; known once admitted
  bool entered_ = false;
};

class CallToolCall final
    : public ToolMethodCall<CallToolCall, v1::CallToolRequest, v1::CallToolResponse,
                            &AsyncService::RequestCallTool>,
      public RoutedCall::Handler {
 public:
  using ToolMethodCall::ToolMethodCall;

 private:
  void OnRequest() override {
    if (const std::optional<Error> refused = Admit()) return Finish(*refused);
    Result<CallParams> params = ParamsOf(request_);
    if (!params) return Finish(params.error());
    params_ = *std::move(params);
    Result<Scope> scope = ScopeOf(request_.server());
    if (!scope) return Finish(scope.error());
    scope_ = *std::move(scope);
    ContinueOn(*(lane_ = &tools().PickLane(request_.server(), params_.key)));
  }

  void OnLane() override {
    routed_.emplace(tools(), *lane_, *this);
    const std::optional<Error> error =
        routed_->Start(CallRequest{std::move(scope_), std::move(params_), deadline(), headers_});
    if (!error) return;
    routed_.reset();
    Finish(*error);
  }

  void OnCancel() override {
    routed_.reset();
    Finish(GoneError());
  }

  void OnCallEnd(Result<jsonrpc::Message> message) override {
    if (!message) {
      const Error error = std::move(message).error();
      routed_.reset();
      return Finish(error);
    }
    Answer(*message);
  }

  // Small responses live in these bytes of the stack, whole.
  void Answer(jsonrpc::Message& message) {
    alignas(8) std::array<char, 2048> memory;
    google::protobuf::ArenaOptions options;
    options.initial_block = memory.data();
    options.initial_block_size = memory.size();
    google::protobuf::Arena arena(options);
    auto& response = *google::protobuf::Arena::CreateMessage<v1::CallToolResponse>(&arena);
    const std::optional<Error> error = FillResponse(message, response);
    routed_.reset();  // the message is gone with it
    if (error) {
      Finish(*error);
    } else {
      Finish(response);
    }
  }

  std::optional<Error> FillResponse(jsonrpc::Message& message, v1::CallToolResponse& response) {
    if (message.kind == jsonrpc::Kind::kError) return jsonrpc::UpstreamErrorOf(message.error);
    return request_.result_format() == v1::RESULT_FORMAT_JSON ? FillJsonResult(message, response)
                                                              : FillTypedResult(message, response);
  }

  Lane* lane_ = nullptr;
  Scope scope_;
  CallParams params_;
  std::optional<RoutedCall> routed_;
};

class ListToolsCall final
    : public ToolMethodCall<ListToolsCall, v1::ListToolsRequest, v1::ListToolsResponse,
                            &AsyncService::RequestListTools> {
 public:
  using ToolMethodCall::ToolMethodCall;

 private:
  void OnRequest() override {
    if (const std::optional<Error> refused = Admit()) return Finish(*refused);
    Result<Scope> scope = ScopeOf(request_.server());
    if (!scope) return Finish(scope.error());
    scope_ = *std::move(scope);
    Result<PageRequest> page = ParsePageRequest(request_, scope_.Names(tools().config()));
    if (!page) return Finish(page.error());
    page_ = *std::move(page);
    ContinueOn(*(lane_ = &tools().PickLane(request_.server(), "")));
  }

  // The answer may come when the caller has long given up: then `self_` isn't there any more.
  void OnLane() override {
    self_ = std::make_shared<ListToolsCall*>(this);
    const Deadline bound =
        Min(deadline(), Deadline::After(tools().config().bridge.limits.call_timeout));
    tools().lister().List(ListKind::kTools, *lane_, scope_, bound,
                          [self = std::weak_ptr(self_)](Result<Listing> listing) {
                            if (const auto call = self.lock()) (*call)->Answer(listing);
                          });
  }

  void OnCancel() override {
    self_.reset();
    Finish(GoneError());
  }

  void Answer(const Result<Listing>& listing) {
    self_.reset();
    if (!listing) return Finish(listing.error());
    v1::ListToolsResponse response;
    FillPage(*listing, page_, response);
    Finish(response);
  }

  Lane* lane_ = nullptr;
  Scope scope_;
  PageRequest page_;
  std::shared_ptr<ListToolsCall*> self_;
};

v1::Health HealthOf(UpstreamHealth health) {
  switch (health) {
    case UpstreamHealth::kConnecting:
      return v1::HEALTH_CONNECTING;
    case UpstreamHealth::kServing:
      return v1::HEALTH_SERVING;
    case UpstreamHealth::kNotServing:
      return v1::HEALTH_NOT_SERVING;
  }
  return v1::HEALTH_UNSPECIFIED;
}

v1::Transport TransportOf(TransportKind transport) {
  switch (transport) {
    case TransportKind::kHttp:
      return v1::TRANSPORT_HTTP;
    case TransportKind::kSse:
      return v1::TRANSPORT_SSE;
    case TransportKind::kStdio:
      return v1::TRANSPORT_STDIO;
  }
  return v1::TRANSPORT_UNSPECIFIED;
}

void FillServer(const ServerConfig& config, const UpstreamStatus& status, v1::Server& out) {
  out.set_name(config.name);
  out.set_description(ValidUtf8(config.description));
  out.set_transport(TransportOf(config.transport));
  out.set_health(HealthOf(status.health));
  out.set_protocol_version(status.protocol_version);
  out.set_last_error(ValidUtf8(status.last_error));
  out.set_server_name(status.server_name);
  out.set_server_version(status.server_version);
}

class ListServersCall final
    : public ToolMethodCall<ListServersCall, v1::ListServersRequest, v1::ListServersResponse,
                            &AsyncService::RequestListServers> {
 public:
  using ToolMethodCall::ToolMethodCall;

 private:
  // Answered on the pump: there is nothing to wait for.
  void OnRequest() override {
    if (const std::optional<Error> refused = Admit()) return Finish(*refused);
    v1::ListServersResponse response;
    std::map<std::string, UpstreamStatus> statuses = tools().status().Snapshot();
    for (const ServerConfig& server : tools().config().servers) {
      FillServer(server, statuses[server.name], *response.add_servers());
    }
    Finish(response);
  }
  void OnLane() override {}
  void OnCancel() override {}
};

}  // namespace

void ToolMethods::Arm(grpc::ServerCompletionQueue& queue, const Arming& arming) {
  for (int i = 0; i < arming.calls; ++i) ArmCall<CallToolCall>(live_, *this, queue);
  for (int i = 0; i < arming.rare; ++i) {
    ArmCall<ListToolsCall>(live_, *this, queue);
    ArmCall<ListServersCall>(live_, *this, queue);
  }
}

}  // namespace mcpbridge

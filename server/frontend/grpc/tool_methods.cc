#include <mcpbridge/v1/tool_service.grpc.pb.h>

#include <map>

#include "server/frontend/grpc/call_tool_stream.h"
#include "server/frontend/grpc/list_rpc.h"
#include "server/frontend/grpc/results.h"
#include "server/frontend/grpc/routed_rpc.h"

namespace mcpbridge {
namespace {

struct CallToolRpc {
  using AsyncService = v1::ToolService::AsyncService;
  using Request = v1::CallToolRequest;
  using Response = v1::CallToolResponse;
  static constexpr auto kRequest = &AsyncService::RequestCallTool;

  static Result<RoutedRequest> Params(const Request& request) { return RoutedRequestOf(request); }
  static std::optional<Error> Fill(const Request& request, jsonrpc::Message& result,
                                   Response& response) {
    return FillResult(result, request.result_format(), response);
  }
};

struct ListToolsRpc : PagedList<ListKind::kTools, v1::ListToolsRequest, v1::ListToolsResponse> {
  using AsyncService = v1::ToolService::AsyncService;
  static constexpr auto kRequest = &AsyncService::RequestListTools;
};

struct ListServersRpc {
  using AsyncService = v1::ToolService::AsyncService;
  using Request = v1::ListServersRequest;
  using Response = v1::ListServersResponse;
  static constexpr auto kRequest = &AsyncService::RequestListServers;
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
    case TransportKind::kGrpc:
      return v1::TRANSPORT_GRPC;
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

class ListServersCall final : public GrpcUnaryCall<ListServersCall, ListServersRpc> {
 public:
  using GrpcUnaryCall::GrpcUnaryCall;

 private:
  // Answered on the pump: there is nothing to wait for.
  void OnRequest() override {
    if (const std::optional<Error> refused = Admit()) return Finish(*refused);
    v1::ListServersResponse response;
    std::map<std::string, UpstreamStatus> statuses = tools().status().Snapshot();
    const Config& config = tools().config();
    for (std::size_t i = 0; i < config.server_count(); ++i) {
      const ServerConfig& server = config.servers[config.IndexAt(i)];
      FillServer(server, statuses[server.name], *response.add_servers());
    }
    Finish(response);
  }
  void OnLane() override {}
  void OnCancel() override {}
};

class ToolMethods final : public MethodSetOf<v1::ToolService::AsyncService> {
 public:
  using MethodSetOf::MethodSetOf;

  void Arm(grpc::ServerCompletionQueue& queue, const Arming& arming) override {
    for (int i = 0; i < arming.calls; ++i) {
      ArmCall<RoutedRpc<CallToolRpc>>(live(), *this, queue);
    }
    for (int i = 0; i < arming.rare; ++i) {
      ArmCall<CallToolStreamCall>(live(), *this, queue);
      ArmCall<ListRpc<ListToolsRpc>>(live(), *this, queue);
      ArmCall<ListServersCall>(live(), *this, queue);
    }
  }
};

}  // namespace

std::unique_ptr<MethodSet> MakeToolMethods(ToolService& tools, Gate& live) {
  return std::make_unique<ToolMethods>(tools, live);
}

}  // namespace mcpbridge

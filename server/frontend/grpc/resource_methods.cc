#include <mcpbridge/v1/resource_service.grpc.pb.h>

#include "server/frontend/grpc/list_rpc.h"
#include "server/frontend/grpc/results.h"
#include "server/frontend/grpc/routed_rpc.h"
#include "server/frontend/grpc/watch_resources_call.h"

namespace mcpbridge {
namespace {

struct ListResourcesRpc
    : PagedList<ListKind::kResources, v1::ListResourcesRequest, v1::ListResourcesResponse> {
  using AsyncService = v1::ResourceService::AsyncService;
  static constexpr auto kRequest = &AsyncService::RequestListResources;
};

struct ListResourceTemplatesRpc : PagedList<ListKind::kTemplates, v1::ListResourceTemplatesRequest,
                                            v1::ListResourceTemplatesResponse> {
  using AsyncService = v1::ResourceService::AsyncService;
  static constexpr auto kRequest = &AsyncService::RequestListResourceTemplates;
};

struct ReadResourceRpc {
  using AsyncService = v1::ResourceService::AsyncService;
  using Request = v1::ReadResourceRequest;
  using Response = v1::ReadResourceResponse;
  static constexpr auto kRequest = &AsyncService::RequestReadResource;

  static Result<RoutedRequest> Params(const Request& request) { return RoutedRequestOf(request); }
  static std::optional<Error> Fill(const Request& request, jsonrpc::Message& result,
                                   Response& response) {
    return FillResult(result, request.result_format(), response);
  }
};

class ResourceMethods final : public MethodSetOf<v1::ResourceService::AsyncService> {
 public:
  using MethodSetOf::MethodSetOf;

  void Arm(grpc::ServerCompletionQueue& queue, const Arming& arming) override {
    for (int i = 0; i < arming.rare; ++i) {
      ArmCall<ListRpc<ListResourcesRpc>>(live(), *this, queue);
      ArmCall<ListRpc<ListResourceTemplatesRpc>>(live(), *this, queue);
      ArmCall<RoutedRpc<ReadResourceRpc>>(live(), *this, queue);
      ArmCall<WatchResourcesCall>(live(), *this, queue);
    }
  }
};

}  // namespace

std::unique_ptr<MethodSet> MakeResourceMethods(ToolService& tools, Gate& live) {
  return std::make_unique<ResourceMethods>(tools, live);
}

}  // namespace mcpbridge

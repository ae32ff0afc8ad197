#include <mcpbridge/v1/prompt_service.grpc.pb.h>

#include "server/frontend/grpc/list_rpc.h"
#include "server/frontend/grpc/results.h"
#include "server/frontend/grpc/routed_rpc.h"

namespace mcpbridge {
namespace {

struct ListPromptsRpc
    : PagedList<ListKind::kPrompts, v1::ListPromptsRequest, v1::ListPromptsResponse> {
  using AsyncService = v1::PromptService::AsyncService;
  static constexpr auto kRequest = &AsyncService::RequestListPrompts;
};

struct GetPromptRpc {
  using AsyncService = v1::PromptService::AsyncService;
  using Request = v1::GetPromptRequest;
  using Response = v1::GetPromptResponse;
  static constexpr auto kRequest = &AsyncService::RequestGetPrompt;

  static Result<RoutedRequest> Params(const Request& request) { return RoutedRequestOf(request); }
  static std::optional<Error> Fill(const Request& request, jsonrpc::Message& result,
                                   Response& response) {
    return FillResult(result, request.result_format(), response);
  }
};

class PromptMethods final : public MethodSetOf<v1::PromptService::AsyncService> {
 public:
  using MethodSetOf::MethodSetOf;

  void Arm(grpc::ServerCompletionQueue& queue, const Arming& arming) override {
    for (int i = 0; i < arming.rare; ++i) {
      ArmCall<ListRpc<ListPromptsRpc>>(live(), *this, queue);
      ArmCall<RoutedRpc<GetPromptRpc>>(live(), *this, queue);
    }
  }
};

}  // namespace

std::unique_ptr<MethodSet> MakePromptMethods(ToolService& tools, Gate& live) {
  return std::make_unique<PromptMethods>(tools, live);
}

}  // namespace mcpbridge

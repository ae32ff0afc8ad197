#include <mcpbridge/v1/completion_service.grpc.pb.h>

#include "server/frontend/grpc/results.h"
#include "server/frontend/grpc/routed_rpc.h"

namespace mcpbridge {
namespace {

struct CompleteRpc {
  using AsyncService = v1::CompletionService::AsyncService;
  using Request = v1::CompleteRequest;
  using Response = v1::CompleteResponse;
  static constexpr auto kRequest = &AsyncService::RequestComplete;

  static Result<RoutedRequest> Params(const Request& request) { return RoutedRequestOf(request); }
  static std::optional<Error> Fill(const Request& /*request*/, jsonrpc::Message& result,
                                   Response& response) {
    return FillResult(result, response);
  }
};

class CompletionMethods final : public MethodSetOf<v1::CompletionService::AsyncService> {
 public:
  using MethodSetOf::MethodSetOf;

  void Arm(grpc::ServerCompletionQueue& queue, const Arming& arming) override {
    for (int i = 0; i < arming.rare; ++i) {
      ArmCall<RoutedRpc<CompleteRpc>>(live(), *this, queue);
    }
  }
};

}  // namespace

std::unique_ptr<MethodSet> MakeCompletionMethods(ToolService& tools, Gate& live) {
  return std::make_unique<CompletionMethods>(tools, live);
}

}  // namespace mcpbridge

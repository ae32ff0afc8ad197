#include <model_context_protocol/mcp.grpc.pb.h>

#include <cstdint>
#include <limits>
#include <string>

#include "server/frontend/grpc/google_messages.h"
#include "server/frontend/grpc/list_rpc.h"
#include "server/frontend/grpc/results.h"
#include "server/frontend/grpc/routed_rpc.h"

namespace mcpbridge {
namespace {

using GoogleService = gm::Mcp::AsyncService;

// What all their RPCs have in common: a failure's JSON-RPC code is a trailer.
template <class Request_, class Response_, auto kRequest_>
struct GoogleRpc {
  using AsyncService = GoogleService;
  using Request = Request_;
  using Response = Response_;
  static constexpr auto kRequest = kRequest_;

  static void AddTrailers(grpc::ServerContext& context, const Error& error) {
    const long long code =
        error.upstream ? error.upstream->code : InfoOf(error.reason).jsonrpc_code;
    context.AddTrailingMetadata("mcp-error-code", std::to_string(code));
  }
};

// A request that one server answers; its result is read into `Ours` first.
template <class Ours, class Request, class Response, auto kRequest>
struct GoogleRoutedRpc : GoogleRpc<Request, Response, kRequest> {
  static Result<RoutedRequest> Params(const Request& request) {
    return RoutedRequestOf(ToOurs(request));
  }
  static std::optional<Error> Fill(const Request&, jsonrpc::Message& result, Response& response) {
    Ours ours;
    if (auto error = FillTyped(result, ours)) return error;
    return ToTheirs(std::move(ours), response);
  }

 private:
  static std::optional<Error> FillTyped(jsonrpc::Message& result, v1::CompleteResponse& ours) {
    return FillResult(result, ours);
  }
  template <class Other>
  static std::optional<Error> FillTyped(jsonrpc::Message& result, Other& ours) {
    return FillResult(result, v1::RESULT_FORMAT_TYPED, ours);
  }
};

// A list, which comes whole: their service has no pages.
template <ListKind kKind_, class Ours, class Request, class Response, auto kRequest>
struct GoogleListRpc : GoogleRpc<Request, Response, kRequest> {
  static constexpr ListKind kKind = kKind_;
  static std::string ServerOf(const Request&) { return ""; }
  static Result<PageRequest> PageOf(const Request&, std::string_view) {
    constexpr std::size_t kAll = std::numeric_limits<std::size_t>::max();
    return PageRequest{.after = {}, .max_items = kAll, .max_bytes = kAll};
  }
  static void Fill(const Listing& listing, const PageRequest& page, const Config& config,
                   Response& response) {
    Ours ours;
    FillPage(listing, page, ours);
    auto& common = *response.mutable_common();
    common.set_result_type(gm::RESULT_TYPE_COMPLETE);
    for (const v1::UnavailableServer& one : ours.unavailable()) {
      auto& fields = *common.mutable_metadata()->mutable_fields();
      auto& unavailable = *fields["mcp-bridge/unavailable"].mutable_list_value()->add_values();
      auto& facts = *unavailable.mutable_struct_value()->mutable_fields();
      facts["server"].set_string_value(one.server());
      facts["error"].set_string_value(one.error());
    }
    ToTheirs(std::move(ours), response);
    const auto ttl = config.bridge.catalogue_ttl;
    response.mutable_ttl()->set_seconds(ttl.count() / 1000);
    response.mutable_ttl()->set_nanos(static_cast<std::int32_t>(ttl.count() % 1000 * 1'000'000));
    response.set_cache_scope(gm::CACHE_SCOPE_PRIVATE);
  }
};

using CallToolRpc = GoogleRoutedRpc<v1::CallToolResponse, gm::CallToolRequest, gm::CallToolResponse,
                                    &GoogleService::RequestCallTool>;
using ReadResourceRpc =
    GoogleRoutedRpc<v1::ReadResourceResponse, gm::ReadResourceRequest, gm::ReadResourceResponse,
                    &GoogleService::RequestReadResource>;
using GetPromptRpc = GoogleRoutedRpc<v1::GetPromptResponse, gm::GetPromptRequest,
                                     gm::GetPromptResponse, &GoogleService::RequestGetPrompt>;
using CompleteRpc = GoogleRoutedRpc<v1::CompleteResponse, gm::CompletionRequest,
                                    gm::CompletionResponse, &GoogleService::RequestComplete>;
using ListToolsRpc = GoogleListRpc<ListKind::kTools, v1::ListToolsResponse, gm::ListToolsRequest,
                                   gm::ListToolsResponse, &GoogleService::RequestListTools>;
using ListResourcesRpc =
    GoogleListRpc<ListKind::kResources, v1::ListResourcesResponse, gm::ListResourcesRequest,
                  gm::ListResourcesResponse, &GoogleService::RequestListResources>;
using ListTemplatesRpc =
    GoogleListRpc<ListKind::kTemplates, v1::ListResourceTemplatesResponse,
                  gm::ListResourceTemplatesRequest, gm::ListResourceTemplatesResponse,
                  &GoogleService::RequestListResourceTemplates>;
using ListPromptsRpc =
    GoogleListRpc<ListKind::kPrompts, v1::ListPromptsResponse, gm::ListPromptsRequest,
                  gm::ListPromptsResponse, &GoogleService::RequestListPrompts>;

class GoogleMethods final : public MethodSetOf<GoogleService> {
 public:
  using MethodSetOf::MethodSetOf;

  void Arm(grpc::ServerCompletionQueue& queue, const Arming& arming) override {
    for (int i = 0; i < arming.rare; ++i) {
      ArmCall<RoutedRpc<CallToolRpc>>(live(), *this, queue);
      ArmCall<RoutedRpc<ReadResourceRpc>>(live(), *this, queue);
      ArmCall<RoutedRpc<GetPromptRpc>>(live(), *this, queue);
      ArmCall<RoutedRpc<CompleteRpc>>(live(), *this, queue);
      ArmCall<ListRpc<ListToolsRpc>>(live(), *this, queue);
      ArmCall<ListRpc<ListResourcesRpc>>(live(), *this, queue);
      ArmCall<ListRpc<ListTemplatesRpc>>(live(), *this, queue);
      ArmCall<ListRpc<ListPromptsRpc>>(live(), *this, queue);
    }
  }
};

}  // namespace

std::unique_ptr<MethodSet> MakeGoogleMethods(ToolService& tools, Gate& live) {
  return std::make_unique<GoogleMethods>(tools, live);
}

}  // namespace mcpbridge

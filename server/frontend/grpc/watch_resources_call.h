#pragma once

#include <mcpbridge/v1/resource_service.grpc.pb.h>

#include <optional>
#include <string>

#include "server/frontend/grpc/grpc_call.h"
#include "server/service/subscription.h"

namespace mcpbridge {

struct WatchResourcesRpc {
  using AsyncService = v1::ResourceService::AsyncService;
  using Request = v1::WatchResourcesRequest;
  using Response = v1::WatchResourcesResponse;
  static constexpr auto kRequest = &AsyncService::RequestWatchResources;
};

// One WatchResources. What comes while a write is under way waits in its Subscription.
class WatchResourcesCall final : public GrpcStreamCall<WatchResourcesCall, WatchResourcesRpc>,
                                 private Subscription::Handler {
 public:
  using GrpcStreamCall::GrpcStreamCall;

 private:
  void OnRequest() override;
  void OnLane() override;
  void OnCancel() override;
  void OnWritable() override;
  void OnSubscribed() override;
  void OnEvent() override { Proceed(); }
  void OnBridgeStops() override;

  std::string NameOf(std::size_t server) { return tools().config().servers[server].name; }
  v1::WatchResourcesResponse Started();
  v1::WatchResourcesResponse ResponseOf(SubscriptionEvent event);
  void EndWith(const Error& error);

  Scope scope_;
  std::optional<Subscription> subscription_;
  std::optional<v1::WatchResourcesResponse> started_;  // to be written before any event
  std::optional<grpc::Status> status_;                 // to end with
};

}  // namespace mcpbridge

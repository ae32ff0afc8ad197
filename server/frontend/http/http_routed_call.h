#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/frontend/http/cancel_registry.h"
#include "server/frontend/http/http_call.h"
#include "server/frontend/http/reply.h"
#include "server/service/routed_call.h"

namespace mcpbridge {

// A request over HTTP that one server answers. Lane-only.
class HttpRoutedCall final : public HttpCall,
                             private RoutedCall::Handler,
                             private CancelRegistry::Cancellable {
 public:
  // `service` has let the call in (Enter()); this gives its place back. `session` null: the caller
  // has none; it cancels by disconnecting, and can't be asked anything. With one it cancels by
  // saying so, and the call goes on when it disconnects.
  HttpRoutedCall(ToolService& service, Lane& lane, Reply reply, CancelRegistry& registry,
                 std::shared_ptr<ClientSession> session);
  ~HttpRoutedCall() override;

  void Start(CallRequest request);

  void OnQuiet() override { reply_.BeginEvents(); }
  bool outlives_connection() const override { return reply_.outlives_connection(); }
  void GoOnWith(HttpResponder& responder) override { reply_.GoOnWith(responder); }

 private:
  void Finish(std::string_view result);
  void OnCallEnd(Result<jsonrpc::Message> message) override;
  void OnCallNotification(std::string_view method, std::string params) override;
  bool OnCallRequest(std::string_view id, std::string_view method,
                     std::string_view params) override;
  // What the server does, the bridge does: its client comes back as well.
  void OnCallBrokenOff(std::chrono::milliseconds retry) override { reply_.SendAway(retry); }
  void CancelByCaller() override;

  // What an answer of the client's needs to know whether its call is still there.
  struct Alive {
    HttpRoutedCall* call;
  };

  ToolService& service_;
  Lane& lane_;
  Reply reply_;
  CancelRegistry& registry_;
  const std::shared_ptr<ClientSession> session_;
  CallMethod method_ = CallMethod::kCallTool;
  const std::shared_ptr<Alive> alive_ = std::make_shared<Alive>(Alive{this});
  std::vector<std::string> questions_;  // asked in the course of this call
  std::string key_;                     // in registry_; empty: not there
  std::optional<RoutedCall> call_;
};

}  // namespace mcpbridge

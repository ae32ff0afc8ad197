#include "server/frontend/http/http_routed_call.h"

#include <utility>

#include "server/mcp/initialize.h"
#include "server/mcp/modern_meta.h"

namespace mcpbridge {

HttpRoutedCall::HttpRoutedCall(ToolService& service, Lane& lane, Reply reply,
                               CancelRegistry& registry, std::shared_ptr<ClientSession> session)
    : service_(service),
      lane_(lane),
      reply_(std::move(reply)),
      registry_(registry),
      session_(std::move(session)) {
  call_.emplace(service, lane, static_cast<RoutedCall::Handler&>(*this));
  if (session_ == nullptr) return;
  key_ = CancelRegistry::Key(session_->id(), reply_.id());
  if (!registry_.Add(key_, *this)) key_.clear();
}

HttpRoutedCall::~HttpRoutedCall() {
  alive_->call = nullptr;
  for (const std::string& id : questions_) session_->DropQuestion(id);
  if (!key_.empty()) registry_.Remove(key_);
  call_.reset();
  service_.Leave();
  if (session_ != nullptr) session_->Touch();
}

void HttpRoutedCall::Start(CallRequest request) {
  method_ = request.params.method;
  if (const auto error = call_->Start(std::move(request))) reply_.Fail(*error);
}

void HttpRoutedCall::OnCallEnd(Result<jsonrpc::Message> message) {
  if (!message) {
    reply_.Fail(message.error());
  } else if (message->kind == jsonrpc::Kind::kError) {
    reply_.UpstreamError(message->error);
  } else {
    Finish(message->result);
  }
}

void HttpRoutedCall::Finish(std::string_view result) {
  if (!call_->was_translated()) {
    reply_.Result(result);
  } else {
    const std::string server_info = BridgeInfo();
    const auto modern = WithResultDefaults(NameOf(method_), result, {.server_info = server_info});
    modern ? reply_.Result(*modern) : reply_.Fail(modern.error());
  }
}

void HttpRoutedCall::OnCallNotification(std::string_view method, std::string params) {
  if (method == "notifications/cancelled")
    return;  // a question's; its id is the server's, not ours
  reply_.Before(jsonrpc::RequestMessage("", method, params));
}

bool HttpRoutedCall::OnCallRequest(std::string_view id, std::string_view method,
                                   std::string_view params) {
  if (session_ == nullptr || !session_->profile().CanAnswer(method)) return false;
  std::string question = session_->AddQuestion(lane_, id, [alive = alive_](std::string response) {
    if (alive->call != nullptr && alive->call->call_) {
      alive->call->call_->Answer(std::move(response));
    }
  });
  const bool asked = reply_.Before(jsonrpc::RequestMessage(question, method, params));
  if (!asked) session_->DropQuestion(question);
  if (asked) questions_.push_back(std::move(question));
  return asked;
}

void HttpRoutedCall::CancelByCaller() {
  if (!call_ || reply_.ended()) return;
  call_.reset();
  reply_.Fail(
      Error{.reason = Reason::kCancelled, .message = "cancelled by notifications/cancelled"});
}

}  // namespace mcpbridge

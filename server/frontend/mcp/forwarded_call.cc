#include "server/frontend/mcp/forwarded_call.h"

#include <utility>

#include "server/mcp/initialize.h"
#include "server/mcp/modern_meta.h"

namespace mcpbridge {

ForwardedCall::ForwardedCall(ToolService& service, Lane& lane, Reply& reply,
                             std::shared_ptr<ClientSession> session)
    : service_(service), lane_(lane), reply_(reply), session_(std::move(session)) {
  call_.emplace(service, lane, static_cast<RoutedCall::Handler&>(*this));
}

ForwardedCall::~ForwardedCall() {
  alive_->call = nullptr;
  for (const std::string& id : questions_) session_->DropQuestion(id);
  call_.reset();
  service_.Leave();
  if (session_ != nullptr) session_->Touch();
}

void ForwardedCall::Start(CallRequest request) {
  method_ = request.params.method;
  asks_for_task_ = request.params.has_task;
  if (const auto error = call_->Start(std::move(request))) reply_.Fail(*error);
}

void ForwardedCall::OnCallEnd(Result<jsonrpc::Message> message) {
  if (!message) {
    reply_.Fail(message.error());
  } else if (message->kind == jsonrpc::Kind::kError) {
    reply_.UpstreamError(message->error);
  } else {
    Finish(*message);
  }
}

void ForwardedCall::Finish(jsonrpc::Message& message) {
  if (call_->was_translated()) {
    const std::string server_info = BridgeInfo();
    const auto modern =
        WithResultDefaults(NameOf(method_), message.result, {.server_info = server_info});
    modern ? reply_.Result(*modern) : reply_.Fail(modern.error());
  } else if (!reply_.modern()) {
    Deliver(asks_for_task_ ? TaskPlace::kCreated : TaskPlace::kRelated, message.result);
  } else if (const std::string type = ResultTypeOf(message); type.empty()) {
    const auto complete = AsComplete(message.result);
    complete ? Deliver(TaskPlace::kRelated, *complete) : reply_.Fail(complete.error());
  } else {
    Deliver(type == "task" ? TaskPlace::kObject : TaskPlace::kRelated, message.result);
  }
}

// `place`: where a result of tools/call has the id of a task.
void ForwardedCall::Deliver(TaskPlace place, std::string_view result) {
  const std::string& prefix = call_->task_prefix();
  const bool is_about_tasks = IsAboutTasks(NameOf(method_));
  if (prefix.empty() || (!is_about_tasks && place == TaskPlace::kRelated)) {
    reply_.Result(result);
    return;
  }
  if (is_about_tasks) place = TaskPlaceInResult(NameOf(method_));
  reply_.Result(WithTaskPrefix(prefix, place, std::string(result)));
}

void ForwardedCall::OnCallNotification(std::string_view method, std::string params) {
  if (method == "notifications/cancelled") {  // a question's
    auto withdrawn = session_ ? session_->Withdraw(params, questions_) : std::nullopt;
    if (withdrawn) reply_.Before(*std::move(withdrawn));
    return;
  }
  reply_.Before(jsonrpc::RequestMessage("", method, params));
}

bool ForwardedCall::OnCallRequest(std::string_view id, std::string_view method,
                                  std::string_view params) {
  if (session_ == nullptr || !session_->CanBeAsked(method)) return false;
  std::string question = session_->AddQuestion(lane_, id, [alive = alive_](std::string response) {
    if (alive->call != nullptr && alive->call->call_) {
      alive->call->call_->Answer(std::move(response));
    }
  });
  if (question.empty()) return false;
  const bool asked = reply_.Before(jsonrpc::RequestMessage(question, method, params));
  if (!asked) session_->DropQuestion(question);
  if (asked) questions_.push_back(std::move(question));
  return asked;
}

void ForwardedCall::CancelByCaller() {
  if (!call_ || reply_.ended()) return;
  call_.reset();
  reply_.Fail(
      Error{.reason = Reason::kCancelled, .message = "cancelled by notifications/cancelled"});
}

}  // namespace mcpbridge

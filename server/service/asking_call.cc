#include "server/service/asking_call.h"

#include <algorithm>
#include <utility>

#include "server/jsonrpc/message.h"
#include "server/service/parked_calls.h"

namespace mcpbridge {
namespace {

using Caller = AskingCall::Caller;

// Hands a whole message over to the caller's lane.
void Tell(const std::shared_ptr<Caller>& caller, Result<std::string> text) {
  caller->lane.Post([caller, text = std::move(text)]() mutable {
    if (caller->handler == nullptr) return;
    if (!text) return std::exchange(caller->handler, nullptr)->OnReply(std::move(text).error());
    static thread_local jsonrpc::Parser parser;  // a lane is a thread; messages never nest
    jsonrpc::Text bytes(*std::move(text));
    Result<jsonrpc::Message> message = jsonrpc::Parse(parser, bytes);
    if (message && message->kind == jsonrpc::Kind::kNotification) {
      caller->handler->OnNotification(*message);
    } else {
      std::exchange(caller->handler, nullptr)->OnReply(std::move(message));
    }
    parser.Trim();
  });
}

std::string Copy(const jsonrpc::Message& message) {
  return message.kind == jsonrpc::Kind::kError ? jsonrpc::RawErrorMessage("0", message.error)
                                               : jsonrpc::ResultMessage("0", message.result);
}

}  // namespace

AskingCall::AskingCall(ParkedCalls& parked, Lane& home, Options options)
    : parked_(parked), home_(home), options_(std::move(options)) {}

AskingCall::~AskingCall() = default;

std::optional<Error> AskingCall::Start(UpstreamRequest request, std::shared_ptr<Caller> caller) {
  ReplyHandler& self = *this;
  auto sent = options_.session->Send(home_, std::move(request), self);
  if (!sent) return std::move(sent).error();
  exchange_ = *std::move(sent);
  caller_ = std::move(caller);
  Arm(options_.deadline);
  return std::nullopt;
}

void AskingCall::Resume(const InputResponses& responses, std::shared_ptr<Caller> caller) {
  caller_ = std::move(caller);
  if (exchange_ == nullptr) {
    return End(reply_ ? *std::exchange(reply_, std::nullopt)
                      : Error{.reason = Reason::kShuttingDown,
                              .message = "the bridge is stopping, and the call with it"});
  }
  for (const auto& [key, result] : responses.results) {
    const auto question =
        std::find_if(unanswered_.begin(), unanswered_.end(),
                     [&key = key](const Question& open) { return open.request.key == key; });
    if (question == unanswered_.end()) continue;
    exchange_->Answer(jsonrpc::ResultMessage(question->server_id, result));
    unanswered_.erase(question);
  }
  Arm(options_.deadline);
  AskCaller();
}

void AskingCall::Leave(const std::shared_ptr<Caller>& caller) {
  if (caller_ == caller) Cancel();
}

void AskingCall::Cancel() {
  Disarm();
  exchange_.reset();
  caller_.reset();
}

void AskingCall::OnReply(Result<jsonrpc::Message> message) {
  End(message ? Result<std::string>(Copy(*message)) : std::move(message).error());
}

// Nobody waits for more: what came is for the caller, now or when it comes back.
void AskingCall::End(Result<std::string> reply) {
  exchange_.reset();
  if (caller_ == nullptr) {
    reply_ = std::move(reply);
    return;
  }
  Disarm();
  Tell(std::exchange(caller_, nullptr), std::move(reply));
}

void AskingCall::OnNotification(jsonrpc::Message& message) {
  if (caller_ == nullptr) return;
  const std::string method(message.method);
  Tell(caller_, jsonrpc::RequestMessage("", method, message.params));
}

bool AskingCall::OnRequest(jsonrpc::Message& message) {
  if (!options_.profile.CanAnswer(message.method)) return false;
  unanswered_.push_back({.request = {.key = "q" + std::to_string(++last_key_),
                                     .method = std::string(message.method),
                                     .params = std::string(message.params)},
                         .server_id = std::string(message.id)});
  // Not from within the exchange, which asking may end.
  home_.Post([self = shared_from_this()] { self->AskCaller(); });
  return true;
}

// Ends the caller's request with what the server asks, if it does.
void AskingCall::AskCaller() {
  if (caller_ == nullptr || exchange_ == nullptr || unanswered_.empty()) return;
  Result<ParkedCalls::Ticket> ticket = parked_.Park(shared_from_this());
  if (!ticket) return End(std::move(ticket).error());
  handle_ = std::move(ticket->handle);
  InputRequired required{.requests = {}, .state = jsonrpc::Quote(ticket->state)};
  for (const Question& question : unanswered_) required.requests.push_back(question.request);
  Arm(Min(options_.deadline, Deadline::After(options_.parked_time)));
  Tell(std::exchange(caller_, nullptr), jsonrpc::ResultMessage("0", InputRequiredResult(required)));
}

void AskingCall::Arm(Deadline deadline) {
  Disarm();
  home_.deadlines().Arm(*this, deadline);
}

void AskingCall::OnDeadline() {
  const auto self = shared_from_this();
  // Also for a caller that is just about to come back.
  End(Error{.reason = Reason::kDeadlineExceeded,
            .message = "the deadline passed before the server answered"});
  parked_.Forget(handle_);
}

}  // namespace mcpbridge

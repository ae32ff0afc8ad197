#include "server/frontend/http/http_stream_call.h"

#include <utility>

#include "server/frontend/http/http_reply.h"
#include "server/jsonrpc/sse.h"

namespace mcpbridge {

HttpStreamCall::HttpStreamCall(std::shared_ptr<ClientSession> session, Lane& lane,
                               HttpResponder& responder)
    : session_(std::move(session)), lane_(lane), responder_(responder) {}

HttpStreamCall::~HttpStreamCall() {
  alive_->call = nullptr;
  if (reader_ != nullptr) session_->messages().Detach(at_.stream, *reader_);
  session_->Touch();
}

std::optional<Error> HttpStreamCall::Start(std::string_view last_event_id) {
  at_ = session_->messages().ReadUpTo();
  if (!last_event_id.empty()) {
    const auto at = ParseEventId(last_event_id);
    if (!at) {
      return Error{.reason = Reason::kInvalidRequest,
                   .message = "Last-Event-ID is none that this session has had"};
    }
    at_ = session_->is_sealed() ? session_->messages().KnownFrom(*at) : *at;
  }
  reader_ = std::make_shared<MessageLog::Reader>(
      MessageLog::Reader{.wake = [&lane = lane_, alive = alive_] {
        lane.Post([alive] {
          if (alive->call != nullptr) alive->call->Pump();
        });
      }});
  const bool take_over = !last_event_id.empty();
  auto attached = session_->messages().Attach(at_, reader_, take_over);
  if (attached == MessageLog::Attached::kGone && session_->Recall(at_.stream)) {
    attached = session_->messages().Attach(at_, reader_, take_over);
  }
  switch (attached) {
    case MessageLog::Attached::kYes:
      break;
    case MessageLog::Attached::kTaken:
      return Error{.reason = Reason::kStreamTaken,
                   .message = "this session has an open stream already: one is enough"};
    case MessageLog::Attached::kGone:
      return Error{.reason = Reason::kInvalidRequest,
                   .message =
                       "what follows this Last-Event-ID is not kept any more: repeat the"
                       " request"};
  }
  busy_ = true;  // until the response's head is out
  responder_.BeginEvents("");
  if (session_->profile().version >= kNewestLegacyVersion) {
    responder_.SendEvent(
        jsonrpc::SsePriming(EventId(at_), static_cast<int>(kReconnectTime.count())));
  }
  return std::nullopt;
}

// One message at a time: what a slow reader has not taken stays in the log, within its bounds.
void HttpStreamCall::Pump() {
  if (busy_ || over_) return;
  const MessageLog::Next next = session_->messages().Read(at_, *reader_);
  switch (next.kind) {
    case MessageLog::Next::Kind::kNothingYet:
      return;
    case MessageLog::Next::Kind::kOver:
      over_ = true;
      responder_.EndEvents("");
      return;
    case MessageLog::Next::Kind::kMessage:
      break;
  }
  at_ = next.at;
  busy_ = true;
  over_ = next.last;
  const std::string event = jsonrpc::SseMessage(*next.message, EventId(at_));
  over_ ? responder_.EndEvents(event) : void(responder_.SendEvent(event));
}

void HttpStreamCall::OnDrained() {
  busy_ = false;
  Pump();
}

}  // namespace mcpbridge

#include "server/frontend/http/http_reply.h"

#include <charconv>
#include <utility>

#include "server/jsonrpc/message.h"
#include "server/jsonrpc/sse.h"
#include "server/mcp/modern.h"

namespace mcpbridge {

std::string EventId(MessageLog::Position at) {
  return std::to_string(at.stream) + "-" + std::to_string(at.index);
}

std::optional<MessageLog::Position> ParseEventId(std::string_view id) {
  MessageLog::Position at;
  const char* const end = id.data() + id.size();
  const auto stream = std::from_chars(id.data(), end, at.stream);
  if (stream.ec != std::errc() || stream.ptr == end || *stream.ptr != '-') return std::nullopt;
  const auto index = std::from_chars(stream.ptr + 1, end, at.index);
  if (index.ec != std::errc() || index.ptr != end) return std::nullopt;
  return at;
}

HttpReply::~HttpReply() {
  if (at_.stream != 0 && !ended()) caller_.session->messages().End(at_.stream);
}

// Older clients take an event without a message for a broken one.
bool HttpReply::TakesPriming() const {
  return caller_.session != nullptr && caller_.session->profile().version >= kNewestLegacyVersion;
}

void HttpReply::Prime(std::chrono::milliseconds retry) {
  if (!TakesPriming()) return;
  id_sent_ =
      responder_->SendEvent(jsonrpc::SsePriming(EventId(at_), static_cast<int>(retry.count())));
}

void HttpReply::Begin(std::chrono::milliseconds retry) {
  begun_ = true;
  if (caller_.session != nullptr) at_.stream = caller_.session->messages().Begin();
  if (!attended_) return;
  responder_->BeginEvents("");
  Prime(retry);
}

void HttpReply::BeginEvents() {
  if (caller_.events && !begun_ && !ended()) Begin(kReconnectTime);
}

bool HttpReply::Before(std::string_view message) {
  if (!caller_.events || ended()) return false;
  if (!attended_ && !id_sent_) return false;  // nobody can come back for it
  BeginEvents();
  if (at_.stream == 0) return responder_->SendEvent(jsonrpc::SseMessage(message));
  const auto added = caller_.session->messages().Add(at_.stream, std::string(message));
  at_ = added.at;
  if (!attended_) return added.kept;
  const bool sent = responder_->SendEvent(jsonrpc::SseMessage(message, EventId(added.at)));
  id_sent_ |= sent;
  return sent;
}

void HttpReply::SendAway(std::chrono::milliseconds retry) {
  if (!attended_ || ended() || !caller_.events || !TakesPriming()) return;
  begun_ ? Prime(retry) : Begin(retry);
  attended_ = false;
  responder_->EndEvents("");
}

void HttpReply::GoOnWith(HttpResponder& responder) {
  responder_ = &responder;
  attended_ = false;
}

void HttpReply::OnSession(std::shared_ptr<ClientSession> session) {
  headers_.append(kSessionHeader).append(": ").append(session->id()).append("\r\n");
  if (caller_.opened) caller_.opened(std::move(session));
}

void HttpReply::End(std::string response, const Error* error) {
  if (begun_ && at_.stream == 0) return responder_->EndEvents(jsonrpc::SseMessage(response));
  if (begun_) return EndLogged(std::move(response));
  if (error == nullptr) {
    return responder_->Respond({.body = std::move(response), .headers = std::move(headers_)});
  }
  HttpResponse failure = HttpResponse::OfError(std::move(response), *error);
  if (modern()) failure.status = static_cast<unsigned>(ModernHttpStatus(*error));
  responder_->Respond(std::move(failure));
}

void HttpReply::EndLogged(std::string message) {
  MessageLog& log = caller_.session->messages();
  if (!attended_ && message.size() > MessageLog::kMaxBytes && !log.HasReader(at_.stream)) {
    message = jsonrpc::ErrorMessage(
        id(), Error{.reason = Reason::kResponseTooLarge,
                    .message = "the answer came while its stream was broken off, and its " +
                               std::to_string(message.size()) + " bytes are too many to keep"});
  }
  if (!attended_) {
    log.Add(at_.stream, std::move(message), /*last=*/true);
    responder_->EndEvents("");
    return;
  }
  MessageLog::Position last = at_;
  ++last.index;
  const std::string event = jsonrpc::SseMessage(message, EventId(last));
  log.Add(at_.stream, std::move(message), /*last=*/true);
  responder_->EndEvents(event);
}

}  // namespace mcpbridge

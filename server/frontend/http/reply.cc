#include "server/frontend/http/reply.h"

#include <charconv>
#include <utility>

#include "server/jsonrpc/message.h"
#include "server/jsonrpc/sse.h"
#include "server/mcp/json_members.h"
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

Reply::~Reply() {
  if (at_.stream != 0 && !ended_) caller_.session->messages().End(at_.stream);
}

// Older clients take an event without a message for a broken one.
bool Reply::TakesPriming() const {
  return caller_.session != nullptr && caller_.session->profile().version >= kNewestLegacyVersion;
}

void Reply::Prime(std::chrono::milliseconds retry) {
  if (!TakesPriming()) return;
  id_sent_ =
      responder_->SendEvent(jsonrpc::SsePriming(EventId(at_), static_cast<int>(retry.count())));
}

void Reply::Begin(std::chrono::milliseconds retry) {
  begun_ = true;
  if (caller_.session != nullptr) at_.stream = caller_.session->messages().Begin();
  if (!attended_) return;
  responder_->BeginEvents("");
  Prime(retry);
}

void Reply::BeginEvents() {
  if (caller_.events && !begun_ && !ended_) Begin(kReconnectTime);
}

bool Reply::Before(std::string_view message) {
  if (!caller_.events || ended_) return false;
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

void Reply::SendAway(std::chrono::milliseconds retry) {
  if (!attended_ || ended_ || !caller_.events || !TakesPriming()) return;
  begun_ ? Prime(retry) : Begin(retry);
  attended_ = false;
  responder_->EndEvents("");
}

void Reply::GoOnWith(HttpResponder& responder) {
  responder_ = &responder;
  attended_ = false;
}

void Reply::Result(std::string_view raw_result) {
  End({.body = jsonrpc::ResultMessage(id_, raw_result)});
}

void Reply::UpstreamError(std::string_view raw_error) {
  if (!modern()) {
    End({.body = jsonrpc::RawErrorMessage(id_, raw_error)});
    return;
  }
  const Error error = jsonrpc::UpstreamErrorOf(raw_error);
  const long long code = ModernErrorCode(error.upstream->code);
  std::string modern(raw_error);
  if (code != error.upstream->code) {
    if (auto members = JsonMembers::Read(raw_error)) {
      members->Set("code", std::to_string(code));
      modern = std::move(*members).Take();
    }
  }
  End({.status = static_cast<unsigned>(ModernHttpStatus(error)),
       .body = jsonrpc::RawErrorMessage(id_, modern)});
}

void Reply::Fail(const Error& error) {
  HttpResponse response = HttpResponse::FromError(id_, error);
  if (modern()) response.status = static_cast<unsigned>(ModernHttpStatus(error));
  End(std::move(response));
}

void Reply::End(HttpResponse response) {
  ended_ = true;
  if (!begun_) {
    responder_->Respond(std::move(response));
  } else if (at_.stream == 0) {
    responder_->EndEvents(jsonrpc::SseMessage(response.body));
  } else {
    EndLogged(std::move(response.body));
  }
}

void Reply::EndLogged(std::string message) {
  MessageLog& log = caller_.session->messages();
  if (!attended_ && message.size() > MessageLog::kMaxBytes && !log.HasReader(at_.stream)) {
    message = jsonrpc::ErrorMessage(
        id_, Error{.reason = Reason::kResponseTooLarge,
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

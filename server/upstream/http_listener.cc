#include "server/upstream/http_listener.h"

#include <algorithm>
#include <utility>

#include "server/base/log.h"
#include "server/upstream/http_lane.h"
#include "server/upstream/http_message.h"

namespace mcpbridge {
namespace {

// Empty: it was not a status that ended the stream.
std::string StatusOf(const Error& error) {
  if (error.reason != Reason::kUpstreamHttpStatus) return {};
  const auto status = std::find_if(error.metadata.begin(), error.metadata.end(),
                                   [](const auto& entry) { return entry.first == "http_status"; });
  return status != error.metadata.end() ? status->second : std::string();
}

// Whether a server that answers so has no such stream, now or later. 409: it has, and takes the
// last one for open still.
bool OffersNone(const Error& error) {
  if (error.reason == Reason::kUpstreamProtocol) return true;
  const std::string status = StatusOf(error);
  return status.starts_with('4') && status != "429" && status != "409";
}

// Whether it says so of a session that it doesn't know.
bool IsOfLostSession(const Error& error) {
  const std::string status = StatusOf(error);
  return status == "404" || status == "400";
}

}  // namespace

HttpListener::HttpListener(HttpLane& lane, std::shared_ptr<const HttpSession> session, Heard heard,
                           std::function<void()> settled)
    : lane_(lane),
      session_(std::move(session)),
      heard_(std::move(heard)),
      settled_(std::move(settled)),
      retry_(kDefaultRetry) {
  Open();
}

void HttpListener::Open() {
  Headers headers;
  if (!last_event_id_.empty()) headers.emplace_back("Last-Event-ID", last_event_id_);
  SseStream::Handler& self = *this;
  stream_ =
      std::make_unique<SseStream>(lane_.pool(), lane_.config().name, lane_.limits().response_bytes,
                                  HttpMessage(GetHead(*session_), headers, ""), self);
}

void HttpListener::OnEvent(jsonrpc::SseEvent event) {
  backoff_.Reset();
  heard_from_ = true;
  if (!event.id.empty()) last_event_id_ = event.id;
  if (event.retry_ms >= 0) retry_ = std::chrono::milliseconds(event.retry_ms);
  if (event.data.empty() || (!event.type.empty() && event.type != "message")) return;
  jsonrpc::Text text(std::move(event.data));
  Result<jsonrpc::Message> message = jsonrpc::Parse(parser_, text);
  if (!message) {
    spdlog::warn("upstream {}: an event of its own stream is not a message ({}), dropped",
                 lane_.config().name, message.error().message);
  } else if (message->kind == jsonrpc::Kind::kNotification ||
             message->kind == jsonrpc::Kind::kRequest) {
    heard_(*message);
  }
  parser_.Trim();
}

void HttpListener::Settle() {
  if (const auto settled = std::exchange(settled_, nullptr)) settled();
}

void HttpListener::OnStreamEnd(Error error) {
  Settle();
  if (OffersNone(error)) {
    // It did before, so it is the session that is no more.
    if (heard_from_ && IsOfLostSession(error))
      lane_.events().SessionLost(session_->epoch, "its event stream was refused");
    return;
  }
  const bool ended = error.reason == Reason::kUpstreamLost;
  heard_from_ |= ended;
  lane_.lane().deadlines().Arm(
      *this, Deadline::After(ended ? std::max(retry_, kMinRetry) : backoff_.Next()));
}

}  // namespace mcpbridge

#include "server/upstream/http_listener.h"

#include <algorithm>
#include <utility>

#include "server/base/log.h"
#include "server/upstream/http_lane.h"
#include "server/upstream/http_message.h"

namespace mcpbridge {
namespace {

// Whether a server that answers so has no such stream, now or later.
bool OffersNone(const Error& error) {
  if (error.reason == Reason::kUpstreamProtocol) return true;
  if (error.reason != Reason::kUpstreamHttpStatus) return false;
  const auto status = std::find_if(error.metadata.begin(), error.metadata.end(),
                                   [](const auto& entry) { return entry.first == "http_status"; });
  return status != error.metadata.end() && status->second.starts_with('4') &&
         status->second != "429";
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
  if (OffersNone(error)) return;
  const bool ended = error.reason == Reason::kUpstreamLost;
  lane_.lane().deadlines().Arm(
      *this, Deadline::After(ended ? std::max(retry_, kMinRetry) : backoff_.Next()));
}

}  // namespace mcpbridge

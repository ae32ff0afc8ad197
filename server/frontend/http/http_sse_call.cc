#include "server/frontend/http/http_sse_call.h"

#include <utility>

#include "server/jsonrpc/sse.h"

namespace mcpbridge {

HttpSseCall::HttpSseCall(Lane& lane, HttpResponder& responder,
                         std::function<void(SseChannel&)> ended)
    : lane_(lane), responder_(responder), ended_(std::move(ended)) {}

HttpSseCall::~HttpSseCall() {
  alive_->call = nullptr;
  if (reader_ != nullptr) session_->messages().Detach(0, *reader_);
  channel_->Close();
  ended_(*channel_);
}

std::shared_ptr<SseChannel> HttpSseCall::Start(std::string id, Scope scope, std::string_view path,
                                               std::size_t max_bytes) {
  std::string endpoint = "event: endpoint\ndata: ";
  endpoint.append(path).append("?session_id=").append(id).append("\n\n");
  channel_ = std::make_shared<SseChannel>(std::move(id), std::move(scope), max_bytes, Wake());
  busy_ = true;
  responder_.BeginEvents("");
  responder_.SendEvent(endpoint);
  return channel_;
}

std::function<void()> HttpSseCall::Wake() {
  return [&lane = lane_, alive = alive_] {
    lane.Post([alive] {
      if (alive->call != nullptr) alive->call->Pump();
    });
  };
}

// One event at a time: what a slow reader has not taken stays in the channel, within its bound.
void HttpSseCall::Pump() {
  if (busy_) return;
  if (auto event = NextEvent()) {
    busy_ = true;
    responder_.SendEvent(*event);
  } else if (channel_->over()) {
    busy_ = true;
    responder_.EndEvents("");
  }
}

std::optional<std::string> HttpSseCall::NextEvent() {
  if (auto event = channel_->Take()) return event;
  auto session = channel_->session();
  if (session != session_) {
    if (reader_ != nullptr) session_->messages().Detach(0, *reader_);
    session_ = std::move(session);
    reader_ = std::make_shared<MessageLog::Reader>(MessageLog::Reader{.wake = Wake()});
    at_ = session_->messages().ReadUpTo();
    session_->messages().Attach(at_, reader_, /*take_over=*/true);
  }
  if (session_ == nullptr) return std::nullopt;
  const MessageLog::Next next = session_->messages().Read(at_, *reader_);
  if (next.kind == MessageLog::Next::Kind::kOver) channel_->Close();  // its session has been ended
  if (next.kind != MessageLog::Next::Kind::kMessage) return std::nullopt;
  at_ = next.at;
  return jsonrpc::SseMessage(*next.message);
}

void HttpSseCall::OnDrained() {
  busy_ = false;
  Pump();
}

}  // namespace mcpbridge

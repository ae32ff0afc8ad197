#include "server/frontend/mcp/client_stream.h"

#include <utility>

#include "server/mcp/modern.h"

namespace mcpbridge {

// One request: its reply and what answers through it.
class ClientStream::Call final : public Reply {
 public:
  Call(ClientStream& stream, std::string id, bool modern)
      : Reply(std::move(id), modern), stream_(stream) {}

  void Begin(std::unique_ptr<McpCall> call) { call_ = std::move(call); }
  void Cancel() {
    if (call_ != nullptr) call_->CancelByCaller();
  }
  void CompleteIfEndless() {
    if (call_ != nullptr) call_->CompleteIfEndless();
  }

  void OnDrained() {
    if (call_ != nullptr) call_->OnDrained();
  }

  bool Before(std::string_view message) override { return stream_.AddAhead(message); }
  void OnSession(std::shared_ptr<ClientSession> session) override {
    stream_.OnSession(std::move(session));
  }

 private:
  void End(std::string response, const Error* /*error*/) override {
    stream_.AddAnswer(std::move(response));
    stream_.OnEnd(*this);
  }

  ClientStream& stream_;
  std::unique_ptr<McpCall> call_;
};

ClientStream::ClientStream(ToolService& service, ClientSessions& sessions, Lane& lane,
                           CallerHeaders& headers, Options options, std::function<void()> wake)
    : sessions_(sessions),
      dispatcher_(service, sessions),
      lane_(lane),
      headers_(headers),
      options_(std::move(options)),
      wake_(std::move(wake)) {}

ClientStream::~ClientStream() {
  alive_->stream = nullptr;
  ended_.clear();
  calls_.clear();
  CloseSession("its stream ended");
}

void ClientStream::Take(std::string text) {
  if (failure_) return;
  thread_local jsonrpc::Parser parser;
  jsonrpc::Text body(std::move(text));
  std::string_view id;
  Result<jsonrpc::Message> message = jsonrpc::Parse(parser, body, &id);
  const Result<std::optional<ModernRequest>> era =
      message ? ReadEra(*message) : Result<std::optional<ModernRequest>>(message.error());
  if (!era) {
    // What is no request can't be answered; what can't be read may have been one.
    const bool may_be_request = !message || message->kind == jsonrpc::Kind::kRequest;
    if (may_be_request) AddAnswer(jsonrpc::ErrorMessage(id, era.error()));
    return parser.Trim();
  }
  IncomingMessage incoming{.lane = lane_,
                           .message = *message,
                           .scope = options_.scope,
                           .session = era->has_value() ? nullptr : session_,
                           .modern = era->has_value(),
                           .deadline = options_.deadline,
                           .headers = headers_,
                           .front = Front::kGrpc};
  if (message->kind == jsonrpc::Kind::kRequest) {
    TakeRequest(std::move(incoming));
  } else if (message->method == "notifications/cancelled") {
    Cancel(*message);
  } else {
    dispatcher_.Take(incoming);
  }
  parser.Trim();
}

void ClientStream::TakeRequest(IncomingMessage request) {
  std::string id(request.message.id);
  if (calls_.contains(id)) {
    return AddAnswer(jsonrpc::ErrorMessage(
        id, Error{.reason = Reason::kInvalidRequest,
                  .message = "a request of this id is under way on this stream already"}));
  }
  auto made = std::make_unique<Call>(*this, id, request.modern);
  Call& call = *made;
  calls_.emplace(std::move(id), std::move(made));
  if (draining_) {
    return call.Fail(Error{.reason = Reason::kShuttingDown,
                           .message = "the bridge is shutting down and takes no new calls",
                           .retry_after = std::chrono::seconds(1)});
  }
  // It may be over at once; then it is in ended_.
  call.Begin(dispatcher_.Dispatch(std::move(request), call));
}

void ClientStream::Cancel(jsonrpc::Message& message) {
  if (message.params.empty()) return;
  std::string_view raw;
  if (jsonrpc::ParamsValue(message)["requestId"].raw_json_token().get(raw)) return;
  const auto call = calls_.find(std::string(jsonrpc::TrimEnd(raw)));
  if (call != calls_.end()) call->second->Cancel();
}

void ClientStream::OnClientDone() {
  client_done_ = true;
  if (session_ != nullptr) session_->RefuseQuestions();
  CompleteEndless();
}

void ClientStream::Drain() {
  draining_ = true;
  CompleteEndless();
  Wake();
}

void ClientStream::CompleteEndless() {
  std::vector<Call*> all;  // one that is completed leaves calls_
  for (const auto& [id, call] : calls_) all.push_back(call.get());
  for (Call* call : all) call->CompleteIfEndless();
}

void ClientStream::OnDrained() {
  std::vector<Call*> all;  // one that ends leaves calls_
  for (const auto& [id, call] : calls_) all.push_back(call.get());
  for (Call* call : all) call->OnDrained();
}

bool ClientStream::AddAhead(std::string_view message) {
  if (failure_ || (ahead_bytes_ > 0 && ahead_bytes_ + message.size() > kMostAhead)) {
    ++dropped_;
    return false;
  }
  Push(std::string(message), /*is_ahead=*/true);
  return true;
}

void ClientStream::AddAnswer(std::string message) {
  if (failure_) return;
  if (!waiting_.empty() && bytes_ + message.size() > options_.max_bytes) {
    failure_ = Error{.reason = Reason::kReaderTooSlow,
                     .message = "the client doesn't read what waits for it, " +
                                std::to_string(bytes_) + " bytes: its stream is over",
                     .metadata = {{"limit", "bridge.limits.response_bytes"}}};
    return Wake();
  }
  Push(std::move(message), /*is_ahead=*/false);
}

void ClientStream::Push(std::string message, bool is_ahead) {
  bytes_ += message.size();
  if (is_ahead) ahead_bytes_ += message.size();
  waiting_.push_back(
      {.message = std::move(message), .dropped = std::exchange(dropped_, 0), .is_ahead = is_ahead});
  Wake();
}

void ClientStream::OnEnd(Call& call) {
  // Later: it is what calls this.
  auto node = calls_.extract(call.id());
  ended_.push_back(std::move(node.mapped()));
  Wake();
}

std::optional<ClientStream::Outgoing> ClientStream::Next() {
  if (!waiting_.empty()) {
    Outgoing next = std::move(waiting_.front());
    waiting_.pop_front();
    bytes_ -= next.message.size();
    if (next.is_ahead) ahead_bytes_ -= next.message.size();
    if (waiting_.empty()) OnDrained();
    return next;
  }
  if (reader_ == nullptr) return std::nullopt;
  const MessageLog::Next next = session_->messages().Read(at_, *reader_);
  if (next.kind != MessageLog::Next::Kind::kMessage) return std::nullopt;
  at_ = next.at;
  return Outgoing{.message = *next.message, .dropped = std::exchange(dropped_, 0)};
}

// What belongs to no request is in the session's log.
void ClientStream::OnSession(std::shared_ptr<ClientSession> session) {
  CloseSession("its client has begun another");
  session_ = std::move(session);
  if (client_done_) session_->RefuseQuestions();
  reader_ = std::make_shared<MessageLog::Reader>(MessageLog::Reader{.wake = WakeFromAnywhere()});
  at_ = session_->messages().ReadUpTo();
  session_->messages().Attach(at_, reader_, /*take_over=*/true);
}

void ClientStream::CloseSession(std::string_view why) {
  if (session_ == nullptr) return;
  session_->messages().Detach(0, *reader_);
  sessions_.Close(session_->id(), why);
  session_ = nullptr;
  reader_ = nullptr;
}

std::function<void()> ClientStream::WakeFromAnywhere() {
  return [&lane = lane_, alive = alive_] {
    lane.Post([alive] {
      if (alive->stream != nullptr) alive->stream->OnWake();
    });
  };
}

void ClientStream::Wake() {
  if (!std::exchange(woken_, true)) WakeFromAnywhere()();
}

void ClientStream::OnWake() {
  woken_ = false;
  ended_.clear();
  if (failure_) {
    calls_.clear();
    waiting_.clear();
    bytes_ = 0;
    ahead_bytes_ = 0;
  }
  const auto wake = wake_;  // it may destroy this
  wake();
}

}  // namespace mcpbridge

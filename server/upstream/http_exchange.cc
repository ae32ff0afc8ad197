#include "server/upstream/http_exchange.h"

#include <boost/beast/core/string.hpp>
#include <charconv>
#include <utility>

#include "server/base/log.h"
#include "server/mcp/tasks.h"
#include "server/routing/list_kind.h"
#include "server/upstream/http_lane.h"
#include "server/upstream/http_message.h"

namespace mcpbridge {

namespace http = boost::beast::http;

namespace {

// JSON-RPC errors with which servers of the TypeScript SDK say, on HTTP 400, that they don't know a
// session.
constexpr long long kNoValidSession = -32000;
// With which servers say, on HTTP 400, that they don't speak the version of a request.
constexpr long long kUnsupportedVersion = -32022;

// How often a stream that is broken off is taken up again without an event.
constexpr int kMaxAttempts = 5;

bool IsMediaType(std::string_view header, std::string_view type) {
  const std::string_view bare = header.substr(0, header.find_first_of("; \t"));
  return boost::beast::iequals(bare, type);
}

}  // namespace

std::string GetHead(const HttpSession& session) {
  return "GET" + session.post_head.substr(session.post_head.find(' '));
}

HttpExchange::HttpExchange(HttpLane& lane, UpstreamRequest request, ReplyHandler& handler)
    : lane_(lane), request_(std::move(request)), handler_(handler) {}

HttpExchange::~HttpExchange() {
  if (waiting_) lane_.StopWaiting(*this);
  const bool broken_off = armed();
  if (connection_ == nullptr && !broken_off) return;
  const bool sent = broken_off || std::exchange(connection_, nullptr)->Abort() || attempts_ > 0;
  // In the legacy era closing the stream is not yet a cancellation: it has to be said. initialize
  // must not be cancelled.
  if (sent) TellOfEnd();
}

// That nobody waits for the answer any more.
void HttpExchange::TellOfEnd() {
  if (session_->epoch == 0 || session_->modern) return;
  lane_.Post(*session_, jsonrpc::RequestMessage(
                            "", "notifications/cancelled",
                            R"({"requestId":)" + id_ + R"(,"reason":"the caller's call ended"})"));
}

std::optional<Error> HttpExchange::Begin(std::shared_ptr<const HttpSession> session) {
  auto connection = lane_.pool().Acquire();
  if (!connection) return std::move(connection).error();
  session_ = std::move(session);
  connection_ = *std::move(connection);
  id_ = lane_.pool().NextId();
  status_ = 0;
  body_ = Body::kNone;
  text_.Clear();
  events_.reset();
  last_event_id_.clear();
  retry_ = kDefaultRetry;
  attempts_ = 0;
  // Neither headers nor params, which may be large, are copied where nothing is put into them.
  const std::string message =
      request_.token_span.size == 0
          ? jsonrpc::RequestMessage(id_, request_.method, request_.params)
          : jsonrpc::RequestMessage(id_, request_.method, request_.ParamsFor(id_));
  if (session_->modern) {
    Headers headers = request_.headers;
    headers.emplace_back("Mcp-Method", request_.method);
    headers.insert(headers.end(), request_.mirrored.begin(), request_.mirrored.end());
    connection_->Send(HttpMessage(session_->post_head, headers, message), *this);
  } else {
    connection_->Send(HttpMessage(session_->post_head, request_.headers, message), *this);
  }
  return std::nullopt;
}

void HttpExchange::FailWaiting(Error error) { Deliver(std::move(error)); }

void HttpExchange::OnHead(const Head& head) {
  handler_.OnConnected(connection_->written_at());
  status_ = head.result_int();
  session_id_ = head["Mcp-Session-Id"];
  retry_after_ = ParseRetryAfter(head[http::field::retry_after]);
  const std::string_view type = head[http::field::content_type];
  if (status_ != 200) {
    body_ = Body::kUnexpected;
  } else if (IsMediaType(type, "application/json")) {
    body_ = Body::kJson;
    std::size_t length = 0;
    const std::string_view text = head[http::field::content_length];
    std::from_chars(text.data(), text.data() + text.size(), length);
    text_.Reserve(std::min(length, lane_.limits().response_bytes));
  } else if (HttpConnection::IsEventStream(type)) {
    body_ = Body::kEvents;
    events_.emplace(lane_.limits().response_bytes);
  } else {
    body_ = Body::kNone;
  }
}

void HttpExchange::OnBody(std::string_view chunk) {
  if (body_ == Body::kJson || body_ == Body::kUnexpected) text_.Append(chunk);
  if (body_ != Body::kEvents) return;
  bool over = false;  // once it is, this may be destroyed
  const bool fits = events_->Feed(chunk, [&](jsonrpc::SseEvent&& event) {
    over = OnEvent(std::move(event));
    return !over;
  });
  if (over || fits) return;
  std::exchange(connection_, nullptr)->Abort();
  Fail(Reason::kResponseTooLarge, "an event of the answer is larger than the limit of " +
                                      std::to_string(lane_.limits().response_bytes) + " bytes");
}

// True: that was the answer, and it has been delivered.
bool HttpExchange::OnEvent(jsonrpc::SseEvent event) {
  attempts_ = 0;
  if (!event.id.empty()) last_event_id_ = event.id;
  if (event.retry_ms >= 0) retry_ = std::chrono::milliseconds(event.retry_ms);
  if (event.data.empty() || (!event.type.empty() && event.type != "message")) return false;
  jsonrpc::Text text(std::move(event.data));
  Result<jsonrpc::Message> message = jsonrpc::Parse(lane_.parser(), text);
  if (!message) {
    std::exchange(connection_, nullptr)->Abort();
    Fail(Reason::kUpstreamProtocol,
         "the answer holds an event that is not a JSON-RPC message: " + message.error().message);
    return true;
  }
  switch (message->kind) {
    case jsonrpc::Kind::kRequest:
      OnRequest(*message);
      return false;
    case jsonrpc::Kind::kNotification:
      if (IsListChanged(message->method)) {
        lane_.events().ListsChanged();
        // To who has subscribed, or whose session it is.
        if (session_->modern || lane_.one_client()) handler_.OnNotification(*message);
      } else if (message->method != "notifications/progress" || IsOurs(ProgressTokenOf(*message))) {
        handler_.OnNotification(*message);
      }
      return false;
    case jsonrpc::Kind::kResult:
    case jsonrpc::Kind::kError:
      break;
  }
  if (message->id != id_ && !(message->kind == jsonrpc::Kind::kError && message->id == "null")) {
    spdlog::warn("upstream {}: an answer to another request, dropped", lane_.config().name);
    return false;
  }
  std::exchange(connection_, nullptr)->Detach();
  Deliver(*message);
  return true;
}

// A request of the server's, on the stream of ours. One that nobody can answer is refused, so that
// the server doesn't wait.
void HttpExchange::OnRequest(jsonrpc::Message& request) {
  if (session_->modern) return;  // not of that era, which has no way to answer it
  if (request.method == "ping") {
    Answer(jsonrpc::ResultMessage(request.id, "{}"));
    return;
  }
  const std::string id(request.id);
  const Error refusal = NobodyServes(request.method);
  if (!handler_.OnRequest(request)) Answer(jsonrpc::ErrorMessage(id, refusal));
}

void HttpExchange::Answer(std::string response) {
  if (session_ != nullptr) lane_.Post(*session_, std::move(response));
}

void HttpExchange::OnEnd() {
  connection_.reset();
  switch (body_) {
    case Body::kNone:
      Fail(Reason::kUpstreamProtocol, "the answer is neither JSON nor an event stream");
      return;
    case Body::kEvents:
      if (TakeUpAgain()) return;
      Fail(Reason::kUpstreamLost, "the server ended its event stream before answering");
      return;
    case Body::kUnexpected:
      OnRefused();
      return;
    case Body::kJson:
      break;
  }
  jsonrpc::Text text = std::move(text_);
  Result<jsonrpc::Message> message = jsonrpc::Parse(lane_.parser(), text);
  if (!message) {
    Fail(Reason::kUpstreamProtocol,
         "the answer is not a JSON-RPC message: " + message.error().message);
  } else if (message->kind == jsonrpc::Kind::kError ||
             (message->kind == jsonrpc::Kind::kResult && message->id == id_)) {
    Deliver(*message);
  } else {
    Fail(Reason::kUpstreamProtocol, "the answer is not one to this request");
  }
}

// Whether progress under this raw token is for our caller: our request's, or that of a task of the
// client whose session it is.
bool HttpExchange::IsOurs(std::string_view token) const {
  return token == id_ || (lane_.one_client() && IsTaskToken(token));
}

// Whether the handshake has to be made again: the server doesn't know the session, or not even the
// version that was agreed on. What it says with 400 may mean something else: where it says it of a
// new session too, it is its answer.
bool HttpExchange::SessionIsLost(const Result<jsonrpc::Message>& answer) const {
  if (status_ == 404) return !session_->id.empty();
  if (status_ != 400 || retried_ || session_->modern || session_->epoch == 0) return false;
  if (!answer || answer->kind != jsonrpc::Kind::kError) return false;
  const long long code = jsonrpc::UpstreamErrorOf(answer->error).upstream->code;
  return code == kUnsupportedVersion || (code == kNoValidSession && !session_->id.empty());
}

// Whether a server that once spoke the modern era has answered as one that doesn't: it has been
// exchanged. A session it wants, a version it doesn't know, or no JSON-RPC at all.
bool HttpExchange::IsOfTheEraBefore(const Result<jsonrpc::Message>& answer) const {
  constexpr long long kInvalidRequest = -32600;
  if (!session_->modern || (status_ != 400 && status_ != 404 && status_ != 405)) return false;
  if (!answer || answer->kind != jsonrpc::Kind::kError) return true;
  const long long code = jsonrpc::UpstreamErrorOf(answer->error).upstream->code;
  return code == kNoValidSession || code == kInvalidRequest || code == kUnsupportedVersion;
}

// Any status but 200.
void HttpExchange::OnRefused() {
  if (attempts_ > 0) return FailBrokenOff("HTTP " + std::to_string(status_));
  jsonrpc::Text text = std::move(text_);
  Result<jsonrpc::Message> answer = jsonrpc::Parse(lane_.parser(), text);
  if (session_->epoch != 0 && IsOfTheEraBefore(answer)) {
    lane_.events().SessionLost(session_->epoch, "HTTP " + std::to_string(status_));
    Fail(Reason::kUnsupportedProtocolVersion, "the server does not speak this version any more");
  } else if (SessionIsLost(answer)) {
    Retry();
  } else if (answer && answer->kind == jsonrpc::Kind::kError) {
    Deliver(*answer);
  } else if (status_ / 100 == 2) {
    Fail(Reason::kUpstreamProtocol,
         "the server took the request without answering it (HTTP " + std::to_string(status_) + ")");
  } else {
    Deliver(StatusError(lane_.config().name, status_, retry_after_));
  }
}

// The server doesn't know our session, so it has not executed the request: once more, in a new one.
void HttpExchange::Retry() {
  const std::uint64_t lost = session_->epoch;
  if (lost == 0 || std::exchange(retried_, true)) {
    Fail(Reason::kUpstreamUnavailable, "the server does not know the session it has just opened");
    return;
  }
  lane_.events().SessionLost(lost, "HTTP " + std::to_string(status_));
  lane_.Wait(*this, lost);
}

// The server, or the network, has ended the stream, not the request: the rest of it comes by GET,
// from behind the last event on. False: it can't.
bool HttpExchange::TakeUpAgain() {
  if (session_->modern || session_->id.empty() || last_event_id_.empty()) return false;
  if (attempts_++ >= kMaxAttempts) return false;
  body_ = Body::kNone;
  lane_.lane().deadlines().Arm(*this, Deadline::After(std::max(retry_, kMinRetry)));
  handler_.OnBrokenOff(retry_);
  return true;
}

void HttpExchange::OnDeadline() {
  auto connection = lane_.pool().Acquire();
  if (!connection) {
    if (!TakeUpAgain()) FailBrokenOff(connection.error().message);
    return;
  }
  connection_ = *std::move(connection);
  events_.reset();
  text_.Clear();
  Headers headers = request_.headers;
  headers.emplace_back("Last-Event-ID", last_event_id_);
  connection_->Send(HttpMessage(GetHead(*session_), headers, ""), *this);
}

void HttpExchange::OnFailure(Error error, bool sent) {
  connection_.reset();
  if ((body_ == Body::kEvents || attempts_ > 0) && TakeUpAgain()) return;
  if (!sent) lane_.events().Unreachable(error);
  if (attempts_ > 0) return FailBrokenOff(error.message);
  Fail(error.reason, std::move(error.message));
}

// The server has had the request, whatever has become of it since.
void HttpExchange::FailBrokenOff(const std::string& why) {
  TellOfEnd();
  Fail(Reason::kUpstreamLost,
       "the server's event stream broke off and can't be gone on with: " + why);
}

void HttpExchange::Fail(Reason reason, std::string message) {
  Error error{.reason = reason, .message = std::move(message)};
  error.metadata.emplace_back("server", lane_.config().name);
  Deliver(std::move(error));
}

void HttpExchange::Deliver(Result<jsonrpc::Message> message) {
  jsonrpc::Parser& parser = lane_.parser();
  handler_.OnReply(std::move(message));  // this may be gone now
  parser.Trim();
}

}  // namespace mcpbridge

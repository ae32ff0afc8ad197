#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "server/base/error.h"
#include "server/jsonrpc/message.h"
#include "server/jsonrpc/sse.h"
#include "server/runtime/deadline_queue.h"
#include "server/upstream/http_connection.h"
#include "server/upstream/upstream.h"

namespace mcpbridge {

class HttpLane;

// What every request within a session carries. Immutable; lanes share it.
struct HttpSession {
  std::uint64_t epoch = 0;  // counts the sessions with this server; 0: none yet (the handshake)
  std::string id;           // Mcp-Session-Id; empty: the server keeps no sessions
  std::string version;      // the negotiated one; empty during the handshake
  bool modern = false;      // of the era without sessions: a request says all of itself
  std::string post_head;    // of a POST, up to where Content-Length and the blank line belong
};

// Of an event stream that is broken off: until it is taken up again, where the server doesn't say;
// and the least, so that a server that says 0 isn't asked without end.
inline constexpr std::chrono::milliseconds kDefaultRetry{1000};
inline constexpr std::chrono::milliseconds kMinRetry{50};

// The head of a GET in the session.
std::string GetHead(const HttpSession& session);

// One JSON-RPC request over one POST, answered with JSON or an event stream. A stream that breaks
// off after an event with an id is taken up again by GET. Lane-only.
class HttpExchange final : public Exchange, private HttpResponseHandler, private DeadlineEntry {
 public:
  HttpExchange(HttpLane& lane, UpstreamRequest request, ReplyHandler& handler);
  // Ends it: see Exchange.
  ~HttpExchange() override;

  void Answer(std::string response) override;

  // Sends it within `session`. An error: nothing was sent, the handler isn't called.
  std::optional<Error> Begin(std::shared_ptr<const HttpSession> session);

  // There is no session to wait for: ends it with `error`.
  void FailWaiting(Error error);

  // The HTTP status of the response; 0: none yet.
  unsigned status() const { return status_; }
  // The Mcp-Session-Id of the response; empty: none, or no response yet.
  const std::string& session_id() const { return session_id_; }

 private:
  enum class Body { kNone, kJson, kEvents, kUnexpected };

  void OnHead(const Head& head) override;
  void OnBody(std::string_view chunk) override;
  void OnEnd() override;
  void OnFailure(Error error, bool sent) override;

  void OnDeadline() override;

  bool OnEvent(jsonrpc::SseEvent event);
  bool TakeUpAgain();
  void FailBrokenOff(const std::string& why);
  void TellOfEnd();
  void OnRefused();
  bool IsOurs(std::string_view token) const;
  bool IsOfTheEraBefore(const Result<jsonrpc::Message>& answer) const;
  bool SessionIsLost(const Result<jsonrpc::Message>& answer) const;
  void Retry();
  void OnRequest(jsonrpc::Message& request);
  void Deliver(Result<jsonrpc::Message> message);
  void Fail(Reason reason, std::string message);

  HttpLane& lane_;
  UpstreamRequest request_;
  ReplyHandler& handler_;
  std::shared_ptr<const HttpSession> session_;
  std::shared_ptr<HttpConnection> connection_;  // while the request is under way
  bool waiting_ = false;                        // in lane_'s list of those who wait for a session
  bool retried_ = false;
  std::string id_;  // ours, raw
  unsigned status_ = 0;
  std::string session_id_;
  std::optional<std::chrono::milliseconds> retry_after_;
  Body body_ = Body::kNone;
  jsonrpc::Text text_;
  std::optional<jsonrpc::SseParser> events_;
  // Of the event stream, so that it can be taken up again.
  std::string last_event_id_;
  std::chrono::milliseconds retry_;
  int attempts_ = 0;  // to take it up, since its last event

  friend class HttpLane;
};

}  // namespace mcpbridge

#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "server/frontend/http/http_call.h"
#include "server/frontend/mcp/reply.h"
#include "server/service/client_session.h"

namespace mcpbridge {

// "7-3": a place in a client's streams, as the id of an event.
std::string EventId(MessageLog::Position at);
// nullopt: not of that form.
std::optional<MessageLog::Position> ParseEventId(std::string_view id);

// How long a client whose stream is over waits before it takes it up again, unless a server wants
// otherwise.
inline constexpr std::chrono::milliseconds kReconnectTime{1000};

inline constexpr std::string_view kSessionHeader = "Mcp-Session-Id";

// The answer to one JSON-RPC request over HTTP: JSON, or, once something has come before it, an
// event stream that ends with it. For a client with a session the stream can be taken up again from
// another connection; it goes on without one. Lane-only.
class HttpReply final : public Reply {
 public:
  // Who gets it. `events`: the caller takes an event stream. `modern`: it is of the era without
  // sessions, in which errors have HTTP statuses. `session` null: the caller has none. `opened`:
  // who else is told of a session that it opens.
  struct Caller {
    bool events = false;
    bool modern = false;
    std::shared_ptr<ClientSession> session = {};
    std::function<void(std::shared_ptr<ClientSession>)> opened = {};
  };

  // `id`: raw, of the request.
  HttpReply(HttpResponder& responder, std::string id, Caller caller)
      : Reply(std::move(id), caller.modern), responder_(&responder), caller_(std::move(caller)) {}
  ~HttpReply() override;

  bool takes_events() const override { return caller_.events; }
  bool Before(std::string_view message) override;

  // Begins the event stream, if the caller takes one: the answer will be long in coming.
  void BeginEvents();

  // Ends the response, not the answer: the client comes back for it after `retry`. Does nothing
  // where that can't be expected.
  void SendAway(std::chrono::milliseconds retry) override;

  // Its id goes into a header of the answer.
  void OnSession(std::shared_ptr<ClientSession> session) override;

  // See HttpCall: where the client can come back for the answer, or cancel in its session.
  bool outlives_connection() const { return !ended() && caller_.session != nullptr; }
  void GoOnWith(HttpResponder& responder);

 private:
  bool TakesPriming() const;
  void Begin(std::chrono::milliseconds retry);
  void Prime(std::chrono::milliseconds retry);
  void End(std::string response, const Error* error) override;
  void EndLogged(std::string message);

  HttpResponder* responder_;
  Caller caller_;
  bool begun_ = false;            // the event stream
  bool attended_ = true;          // there is a connection
  bool id_sent_ = false;          // of an event: the client can come back
  MessageLog::Position at_ = {};  // how far the stream has come; stream 0: it isn't kept
  std::string headers_;           // of the answer, each "Name: value\r\n"
};

}  // namespace mcpbridge

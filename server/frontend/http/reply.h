#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "server/frontend/http/http_call.h"
#include "server/service/client_session.h"

namespace mcpbridge {

// "7-3": a place in a client's streams, as the id of an event.
std::string EventId(MessageLog::Position at);
// nullopt: not of that form.
std::optional<MessageLog::Position> ParseEventId(std::string_view id);

// How long a client whose stream is over waits before it takes it up again, unless a server wants
// otherwise.
inline constexpr std::chrono::milliseconds kReconnectTime{1000};

// The answer to one JSON-RPC request over HTTP: JSON, or, once something has come before it, an
// event stream that ends with it. For a client with a session the stream can be taken up again from
// another connection; it goes on without one. Lane-only.
class Reply {
 public:
  // Who gets it. `events`: the caller takes an event stream. `modern`: it is of the era without
  // sessions, in which errors have HTTP statuses. `session` null: the caller has none.
  struct Caller {
    bool events = false;
    bool modern = false;
    std::shared_ptr<ClientSession> session = {};
  };

  // `id`: raw, of the request.
  Reply(HttpResponder& responder, std::string id, Caller caller)
      : responder_(&responder), id_(std::move(id)), caller_(std::move(caller)) {}
  Reply(Reply&&) = default;
  Reply& operator=(Reply&&) = delete;
  ~Reply();

  const std::string& id() const { return id_; }
  bool modern() const { return caller_.modern; }
  bool ended() const { return ended_; }

  // A JSON-RPC message ahead of the answer. False: the caller takes no events, or doesn't read
  // them.
  bool Before(std::string_view message);

  // Begins the event stream, if the caller takes one: the answer will be long in coming.
  void BeginEvents();

  // Ends the response, not the answer: the client comes back for it after `retry`. Does nothing
  // where that can't be expected.
  void SendAway(std::chrono::milliseconds retry);

  // See HttpCall: where the client can come back for the answer, or cancel in its session.
  bool outlives_connection() const { return !ended_ && caller_.session != nullptr; }
  void GoOnWith(HttpResponder& responder);

  // The answer; one of these, once.
  void Result(std::string_view raw_result);
  void UpstreamError(
      std::string_view raw_error);  // byte for byte, but for codes that the era forbids
  void Fail(const Error& error);

 private:
  bool TakesPriming() const;
  void Begin(std::chrono::milliseconds retry);
  void Prime(std::chrono::milliseconds retry);
  void End(HttpResponse response);
  void EndLogged(std::string message);

  HttpResponder* responder_;
  std::string id_;
  Caller caller_;
  bool begun_ = false;            // the event stream
  bool attended_ = true;          // there is a connection
  bool id_sent_ = false;          // of an event: the client can come back
  bool ended_ = false;            // the answer has been given
  MessageLog::Position at_ = {};  // how far the stream has come; stream 0: it isn't kept
};

}  // namespace mcpbridge

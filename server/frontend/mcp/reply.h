#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "server/base/error.h"
#include "server/service/client_session.h"

namespace mcpbridge {

// The answer to one JSON-RPC request, and what is said before it. Each front has its own way to
// bring them to the caller. Outlives the request's call. Lane-only.
class Reply {
 public:
  virtual ~Reply() = default;
  Reply(const Reply&) = delete;
  Reply& operator=(const Reply&) = delete;

  // Of the request, raw.
  const std::string& id() const { return id_; }
  // Whether the request is of the era without sessions.
  bool modern() const { return modern_; }
  // Whether the answer has been given.
  bool ended() const { return ended_; }

  // Whether the caller takes messages ahead of the answer at all.
  virtual bool takes_events() const { return true; }
  // A JSON-RPC message ahead of the answer. False: the caller takes none, or doesn't read them.
  virtual bool Before(std::string_view message) = 0;

  // The server wants its caller to come back for the answer after `retry`. Does nothing where that
  // can't be expected of the caller.
  virtual void SendAway(std::chrono::milliseconds /*retry*/) {}

  // The request has opened a session, of which the answer is told next.
  virtual void OnSession(std::shared_ptr<ClientSession> session) = 0;

  // The answer; one of these, once.
  void Result(std::string_view raw_result);
  void UpstreamError(
      std::string_view raw_error);  // byte for byte, but for codes that the era forbids
  void Fail(const Error& error);

 protected:
  Reply(std::string id, bool modern) : id_(std::move(id)), modern_(modern) {}

 private:
  // The answer, a whole JSON-RPC response. `error`: what decides about a status, if anything does;
  // null: it is an answer like any other.
  virtual void End(std::string response, const Error* error) = 0;
  void Answer(std::string response, const Error* error);

  const std::string id_;
  const bool modern_;
  bool ended_ = false;
};

}  // namespace mcpbridge

#pragma once

#include <memory>
#include <string>

#include "server/frontend/http/response.h"

namespace mcpbridge {

// Takes the answer to one request: a response, or an event stream. On the lane of its connection.
class HttpResponder {
 public:
  // The whole answer, exactly once, unless BeginEvents() comes instead.
  virtual void Respond(HttpResponse response) = 0;

  // Begins an event stream (status 200); `headers` are further ones, each "Name: value\r\n". From
  // then on comments keep it alive.
  virtual void BeginEvents(std::string_view headers) = 0;
  // Adds to it. False: so much is waiting to be read already that it was dropped.
  virtual bool SendEvent(std::string_view event) = 0;
  // Adds the last event, if there is one, whatever is waiting, and ends it.
  virtual void EndEvents(std::string_view event) = 0;

  // Who gets it, for the log: "127.0.0.1:5123"; empty: not known.
  virtual std::string Peer() const { return {}; }

 protected:
  ~HttpResponder() = default;
};

// A request that is being worked on. Its connection owns it until the response has been written, or
// the caller has gone: destroying it before it has responded cancels it.
class HttpCall {
 public:
  virtual ~HttpCall() = default;

  // Nothing has been answered for 15 s.
  virtual void OnQuiet() {}
  // All that the responder was given has been written; it is an event stream.
  virtual void OnDrained() {}
  // The response is over, or the caller has gone: whether the call isn't over and wants to go on
  // without a connection. Then it is kept, and what it still has to say is for `responder`.
  virtual bool outlives_connection() const { return false; }
  virtual void GoOnWith(HttpResponder& /*responder*/) {}
};

}  // namespace mcpbridge

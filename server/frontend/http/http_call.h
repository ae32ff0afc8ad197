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
  // Adds the last event, whatever is waiting, and ends it.
  virtual void EndEvents(std::string_view event) = 0;

 protected:
  ~HttpResponder() = default;
};

// A request that is being worked on. Its connection owns it until the response has been written, or
// the caller has gone: destroying it before it has responded cancels it.
class HttpCall {
 public:
  virtual ~HttpCall() = default;
};

}  // namespace mcpbridge

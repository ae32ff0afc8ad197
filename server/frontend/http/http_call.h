#pragma once

#include <memory>

#include "server/frontend/http/response.h"

namespace mcpbridge {

// Takes the answer to one request; on the lane of its connection, exactly once.
class HttpResponder {
 public:
  virtual void Respond(HttpResponse response) = 0;

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

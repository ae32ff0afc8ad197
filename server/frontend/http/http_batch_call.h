#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "server/frontend/http/http_call.h"
#include "server/frontend/http/response.h"

namespace mcpbridge {

// A batch of MCP 2025-03-26: several messages in one body, answered together, in the order in which
// the answers come. Each part is a call of its own, with an end of its own. Lane-only.
class HttpBatchCall final : public HttpCall {
 public:
  explicit HttpBatchCall(HttpResponder& responder);
  ~HttpBatchCall() override;

  // Begins one message's work, as HttpHandler::Handle does for a whole body.
  using Begin = std::function<std::unique_ptr<HttpCall>(std::string message, HttpResponder&)>;

  // Begins with each of `messages`, of which there is one at least. When all have been answered the
  // batch is: 202 where there was nothing to answer.
  void Start(std::vector<std::string> messages, const Begin& begin);

  void OnQuiet() override;
  // Those of its parts that would by themselves.
  bool outlives_connection() const override;
  void GoOnWith(HttpResponder& responder) override;

 private:
  // Takes the answer to one message.
  class Part;

  void OnPartEnd();
  void Answer();

  HttpResponder* responder_;
  std::vector<std::unique_ptr<Part>> parts_;
  std::size_t left_ = 0;  // parts without an answer
  bool events_ = false;   // something was said before an answer: the batch is an event stream
  std::vector<std::string> answers_;
  std::string last_events_;  // answers that come as events
};

}  // namespace mcpbridge

#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "server/base/backoff.h"
#include "server/jsonrpc/message.h"
#include "server/runtime/deadline_queue.h"
#include "server/upstream/http_exchange.h"
#include "server/upstream/sse_stream.h"

namespace mcpbridge {

class HttpLane;

// What a server with sessions says outside of any request: the session's GET stream, taken up again
// as long as this lives. A server that offers none is left alone. Lane-only.
class HttpListener final : private SseStream::Handler, private DeadlineEntry {
 public:
  // A notification or a request. The listener must not be destroyed in here.
  using Heard = std::function<void(jsonrpc::Message&)>;

  // Begins at once. `lane` outlives this.
  HttpListener(HttpLane& lane, std::shared_ptr<const HttpSession> session, Heard heard);

 private:
  void OnEvent(jsonrpc::SseEvent event) override;
  void OnStreamEnd(Error error) override;
  void OnDeadline() override { Open(); }
  void Open();

  HttpLane& lane_;
  const std::shared_ptr<const HttpSession> session_;
  const Heard heard_;
  std::unique_ptr<SseStream> stream_;
  std::string last_event_id_;
  bool heard_from_ = false;  // there has been a stream
  std::chrono::milliseconds retry_;
  Backoff backoff_;
  jsonrpc::Parser parser_;
};

}  // namespace mcpbridge

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

  // Begins at once. `lane` outlives this. `settled` is called once, when the stream has opened for
  // the first time, or it is clear that it doesn't; the listener must not be destroyed in there.
  HttpListener(HttpLane& lane, std::shared_ptr<const HttpSession> session, Heard heard,
               std::function<void()> settled);

 private:
  void OnStreamOpen() override { Settle(); }
  void OnEvent(jsonrpc::SseEvent event) override;
  void OnStreamEnd(Error error) override;
  void OnDeadline() override { Open(); }
  void Open();
  void Settle();

  HttpLane& lane_;
  const std::shared_ptr<const HttpSession> session_;
  const Heard heard_;
  std::function<void()> settled_;  // null: it has been called
  std::unique_ptr<SseStream> stream_;
  std::string last_event_id_;
  bool heard_from_ = false;  // there has been a stream
  std::chrono::milliseconds retry_;
  Backoff backoff_;
  jsonrpc::Parser parser_;
};

}  // namespace mcpbridge

#pragma once

#include <functional>
#include <memory>
#include <string>

#include "server/frontend/http/http_call.h"
#include "server/frontend/http/sse_channel.h"
#include "server/runtime/lane.h"
#include "server/service/client_session.h"

namespace mcpbridge {

// The event stream of a client of HTTP+SSE: all that it is told. The end of the stream is the end
// of its session. Lane-only.
class HttpSseCall final : public HttpCall {
 public:
  // `ended` is told once the stream is over.
  HttpSseCall(Lane& lane, HttpResponder& responder, std::function<void(SseChannel&)> ended);
  ~HttpSseCall() override;

  // Begins the stream for a client that may use the servers of `scope`, and tells it where to post
  // to: `path`, a query with the channel's `id` added. The channel is what is said there.
  std::shared_ptr<SseChannel> Start(std::string id, Scope scope, std::string_view path,
                                    std::size_t max_bytes);

  void OnDrained() override;

 private:
  struct Alive {
    HttpSseCall* call;
  };

  std::function<void()> Wake();
  void Pump();
  std::optional<std::string> NextEvent();

  Lane& lane_;
  HttpResponder& responder_;
  const std::function<void(SseChannel&)> ended_;
  const std::shared_ptr<Alive> alive_ = std::make_shared<Alive>(Alive{this});
  std::shared_ptr<SseChannel> channel_;
  bool busy_ = false;  // something is being written

  // Once the channel has a session: what belongs to no request.
  std::shared_ptr<ClientSession> session_;
  std::shared_ptr<MessageLog::Reader> reader_;
  MessageLog::Position at_;
};

}  // namespace mcpbridge

#pragma once

#include <memory>
#include <string_view>

#include "server/frontend/http/http_call.h"
#include "server/runtime/lane.h"
#include "server/service/client_session.h"

namespace mcpbridge {

// A GET of a client with a session: its stream for what belongs to no request, or one that it takes
// up again. It ends with the stream, the session, or when the client takes it up elsewhere.
// Lane-only.
class HttpStreamCall final : public HttpCall {
 public:
  HttpStreamCall(std::shared_ptr<ClientSession> session, Lane& lane, HttpResponder& responder);
  ~HttpStreamCall() override;

  // `last_event_id`: from where it goes on; empty: a new stream. An error: there is no response
  // yet.
  std::optional<Error> Start(std::string_view last_event_id);

  void OnDrained() override;

 private:
  struct Alive {
    HttpStreamCall* call;
  };

  void Pump();

  const std::shared_ptr<ClientSession> session_;
  Lane& lane_;
  HttpResponder& responder_;
  const std::shared_ptr<Alive> alive_ = std::make_shared<Alive>(Alive{this});
  std::shared_ptr<MessageLog::Reader> reader_;
  MessageLog::Position at_;
  bool busy_ = false;  // something is being written
  bool over_ = false;
};

}  // namespace mcpbridge

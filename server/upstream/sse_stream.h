#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "server/base/error.h"
#include "server/jsonrpc/sse.h"
#include "server/upstream/http_connection.h"
#include "server/upstream/http_pool.h"

namespace mcpbridge {

// One event stream from a server, by a GET on a connection of its own. Lane-only.
class SseStream final : private HttpResponseHandler {
 public:
  // Nothing runs inside a call of the stream's own functions, and nothing after Close(). The stream
  // must not be destroyed in here.
  class Handler {
   public:
    // The server has agreed to it.
    virtual void OnStreamOpen() {}
    virtual void OnEvent(jsonrpc::SseEvent event) = 0;
    // The stream is over, or never began; the last call. kUpstreamUnavailable: the server can't be
    // reached; kUpstreamHttpStatus; kUpstreamProtocol; kUpstreamLost: it has ended.
    virtual void OnStreamEnd(Error error) = 0;

   protected:
    ~Handler() = default;
  };

  // Sends `request`, a whole HTTP message. `name` is the server's; an event of more than
  // `event_bytes` is SseEvent::too_large.
  SseStream(HttpPool& pool, const std::string& name, std::size_t event_bytes, std::string request,
            Handler& handler);
  ~SseStream() { Close(); }

  void Close();

 private:
  void OnHead(const Head& head) override;
  void OnBody(std::string_view chunk) override;
  void OnEnd() override;
  void OnFailure(Error error, bool sent) override;
  void End(Error error);

  const std::string& name_;
  Handler* handler_;  // null: closed
  std::shared_ptr<HttpConnection> connection_;
  jsonrpc::SseParser events_;
};

}  // namespace mcpbridge

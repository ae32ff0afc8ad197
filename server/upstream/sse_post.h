#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "server/base/error.h"
#include "server/runtime/deadline_queue.h"
#include "server/upstream/http_connection.h"

namespace mcpbridge {

// One message on its way to a server whose answers come elsewhere: of the response only the status
// matters. Owned by SseSession. Lane-only. Destroying it closes its connection.
class SsePost final : private HttpResponseHandler, private DeadlineEntry {
 public:
  // How it went. Both null: the server took it.
  struct Outcome {
    std::optional<Error> refused = {};  // its status says no: kUpstreamHttpStatus
    std::optional<Error> lost = {};     // it couldn't be sent, or the response never came
    bool sent = true;                   // some of it may have reached the server
  };

  class Owner {
   public:
    // Once. The post may be destroyed in here.
    virtual void OnPosted(std::int64_t id, Outcome outcome) = 0;

   protected:
    ~Owner() = default;
  };

  // `id` tells it from others to `owner`; `name` is the server's.
  SsePost(Lane& lane, const std::string& name, std::int64_t id,
          std::shared_ptr<HttpConnection> connection, Owner& owner);
  ~SsePost();

  // Sends a whole HTTP message, whose body has `body_bytes`. OnPosted() follows, never inside this.
  void Send(std::string message, std::size_t body_bytes);

  // Some of it may have reached the server.
  bool sent() const { return connection_->sent(); }
  std::size_t body_bytes() const { return body_bytes_; }

  // Nobody waits for its effect: it gets 5 s from now to end.
  void SetLimit();

  // What is to be said once this has arrived; empty: nothing.
  std::string then;

 private:
  void OnHead(const Head& head) override;
  void OnBody(std::string_view) override {}
  void OnEnd() override;
  void OnFailure(Error error, bool sent) override;
  void OnDeadline() override;

  Lane& lane_;
  const std::string& name_;
  const std::int64_t id_;
  std::shared_ptr<HttpConnection> connection_;
  Owner& owner_;
  std::size_t body_bytes_ = 0;
  Outcome outcome_;
};

}  // namespace mcpbridge

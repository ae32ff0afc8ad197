#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "server/base/error.h"
#include "server/jsonrpc/message.h"
#include "server/runtime/lane.h"
#include "server/upstream/call_table.h"
#include "server/upstream/upstream.h"

namespace mcpbridge {

// A session that is one stream, on which all calls are multiplexed under ids of our own. It lives
// on its home lane. A call reaches it by its own id only, so all that a call can do is to end
// itself. Lane-only except where it says so.
class MultiplexedSession {
 public:
  MultiplexedSession(const ServerConfig& config, Lane& home, UpstreamUse use)
      : use_(std::move(use)), calls_(use_.one_client), config_(config), home_(home) {}
  MultiplexedSession(const MultiplexedSession&) = delete;
  MultiplexedSession& operator=(const MultiplexedSession&) = delete;
  virtual ~MultiplexedSession() = default;

  // Any thread.
  Lane& home() const { return home_; }

  // An id that no request on this stream has had. Any thread.
  std::int64_t NextId() { return next_id_.fetch_add(1, std::memory_order_relaxed); }

  // How many replies came for requests that were no longer waiting. Any thread.
  std::uint64_t late_replies() const { return late_replies_.load(std::memory_order_relaxed); }

  // Sends `request`, or keeps it until the session is open. `sink` must be valid until it has been
  // delivered to or the request is cancelled; `owner` may be null.
  virtual std::optional<Error> Send(OutgoingRequest request, ReplySink& sink,
                                    std::shared_ptr<ReplySink> owner) = 0;

  // A whole JSON-RPC response to a request of the server's.
  virtual void Answer(std::string response) = 0;
  // The same where nobody can answer. `id`: raw.
  void Refuse(std::string_view id, std::string_view method);

  // A client's notification, whole, if the session is open.
  virtual void Notify(std::string notification) = 0;

  // The request's reply isn't wanted any more; nothing happens if it has come. If the server has
  // seen the request, it is told.
  virtual void Cancel(std::int64_t id) = 0;

 protected:
  // Takes what the server has said, whose bytes are in `text`, to whom it belongs. But for the
  // answer to `initialize`.
  void Dispatch(jsonrpc::Message& message, jsonrpc::Text& text);

  // The notification that ends a request, `id`.
  static std::string Cancellation(std::int64_t id);

  const UpstreamUse use_;
  CallTable calls_;

 private:
  void OnRequest(jsonrpc::Message& message, jsonrpc::Text& text);
  void OnNotification(jsonrpc::Message& message, jsonrpc::Text& text);

  const ServerConfig& config_;
  Lane& home_;
  std::atomic<std::int64_t> next_id_{1};
  std::atomic<std::uint64_t> late_replies_{0};
};

// See Upstream::Send(); `request`'s id is one of the session's.
//
// Replies for a caller on another lane than home are parsed twice: at home, to find whose they are,
// and on the caller's lane, to which the bytes are moved uncopied. Callers that know the server
// beforehand do better to start on the home lane.
Result<std::unique_ptr<Exchange>> SendMultiplexed(std::shared_ptr<MultiplexedSession> session,
                                                  Lane& lane, OutgoingRequest request,
                                                  ReplyHandler& handler);

}  // namespace mcpbridge

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "server/base/deadline.h"
#include "server/base/error.h"
#include "server/jsonrpc/message.h"
#include "server/upstream/upstream.h"

namespace mcpbridge {

// Where the reply to one request goes. Runs on the home lane of its session.
class ReplySink {
 public:
  // At most once. `text` holds the bytes that a message's views point into; it may be moved from,
  // which ends them. Null with an error.
  virtual void Deliver(Result<jsonrpc::Message> reply, jsonrpc::Text* text) = 0;

  // When a request that had to wait for its session could be sent; right before Deliver().
  virtual void Connected(Deadline::Clock::time_point /*at*/) {}

  // What the server says in the course of the request; before Deliver().
  virtual void Notify(jsonrpc::Message& message, jsonrpc::Text& text) = 0;
  // What it asks. The answer is given by MultiplexedSession::Answer(), or by Refuse() if there is
  // nobody to ask.
  virtual void Ask(jsonrpc::Message& message, jsonrpc::Text& text) = 0;

 protected:
  ~ReplySink() = default;
};

// One request, ready to be sent.
struct OutgoingRequest {
  std::int64_t id = 0;
  std::string text;            // the whole JSON-RPC message
  Headers headers = {};        // forwarded from the caller; not every transport has them
  bool takes_messages = true;  // see UpstreamRequest
};

// The requests under way on one stream, by ids of our own, and which of them is meant by what the
// server says on it. Lane-only.
class CallTable {
 public:
  struct Call {
    ReplySink* sink;
    std::shared_ptr<ReplySink> owner;        // may be null
    std::optional<OutgoingRequest> waiting;  // null: sent
    bool takes_messages = true;              // see UpstreamRequest
    Deadline::Clock::time_point sent_at{};   // of one that has waited
  };

  // `one_client`: all requests are one client's.
  explicit CallTable(bool one_client) : one_client_(one_client) {}

  // The number that a raw id is; null: it is none of ours.
  static std::optional<std::int64_t> IdFrom(std::string_view raw);

  // `sink` must be valid until it has been delivered to or the request is removed.
  void AddSent(const OutgoingRequest& request, ReplySink& sink, std::shared_ptr<ReplySink> owner);
  void AddWaiting(OutgoingRequest request, ReplySink& sink, std::shared_ptr<ReplySink> owner);

  // Bytes of what waits.
  std::size_t waiting_bytes() const { return waiting_bytes_; }
  // All that waits, in order of arrival: it counts as sent from here on.
  std::vector<OutgoingRequest> TakeWaiting();

  // kSent: the server has seen it or will, and may go on speaking of it for a while.
  enum class Removed { kUnknown, kWaiting, kSent };
  Removed Remove(std::int64_t id);

  // Removes the request that the server was sent under this id; null: there is none, e.g. as it was
  // cancelled, or not sent yet.
  std::optional<Call> Take(std::string_view raw_id);

  // Whom a notification belongs to, or a question; null: nobody knows. It stays valid until the
  // table changes.
  ReplySink* OwnerOf(jsonrpc::Message& notification);
  ReplySink* LikelyOwner();

  // Removes all, and delivers `error` to each: as kUpstreamLost where it is kUpstreamUnavailable
  // and the request was sent. Sinks may remove others; nothing may be added meanwhile.
  void FailAll(const Error& error);

  // Another number for each stream: what was asked on one isn't answered on the next.
  std::uint64_t stream() const { return stream_; }

  void Clear();

 private:
  Call* Find(std::string_view raw_id);

  const bool one_client_;
  std::uint64_t stream_ = 0;
  std::unordered_map<std::int64_t, Call> calls_;
  Deadline foreign_until_ = Deadline::After({});  // see LikelyOwner()
  std::vector<std::int64_t> waiting_;  // in order of arrival; an id not in calls_ was removed
  std::size_t waiting_bytes_ = 0;
};

}  // namespace mcpbridge

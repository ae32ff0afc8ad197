#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "server/routing/scope.h"
#include "server/service/client_session.h"

namespace mcpbridge {

// The way to a client of HTTP+SSE, the transport of MCP 2024-11-05: what is to be said on its one
// event stream, whichever lane it comes from, and the session that begins on it. Thread-safe.
class SseChannel {
 public:
  // `id` is as good as a session's id. `wake` runs when there may be something to do, on any
  // thread, and must not call this. What waits to be read may be so many bytes.
  SseChannel(std::string id, Scope scope, std::size_t max_bytes, std::function<void()> wake);

  const std::string& id() const { return id_; }
  const Scope& scope() const { return scope_; }

  // Adds an event, at least one of any size. One that doesn't fit ends the channel: its client
  // doesn't read, and may miss nothing.
  void Send(std::string event);

  // The next event; nullopt: none yet, or never (see over()).
  std::optional<std::string> Take();

  void Close();
  bool over() const;

  // Null: not initialized yet.
  std::shared_ptr<ClientSession> session() const;
  // Returns the one before, if there was any.
  std::shared_ptr<ClientSession> SetSession(std::shared_ptr<ClientSession> session);

 private:
  const std::string id_;
  const Scope scope_;
  const std::size_t max_bytes_;
  mutable std::mutex mutex_;
  std::function<void()> wake_;  // null: over
  std::deque<std::string> events_;
  std::size_t bytes_ = 0;
  std::shared_ptr<ClientSession> session_;
};

// All that are open, by id. Thread-safe.
class SseChannels {
 public:
  void Add(std::shared_ptr<SseChannel> channel);
  void Remove(const SseChannel& channel);
  // Null: there is none, or it is over.
  std::shared_ptr<SseChannel> Find(std::string_view id) const;

 private:
  mutable std::mutex mutex_;
  std::unordered_map<std::string, std::shared_ptr<SseChannel>> channels_;
};

}  // namespace mcpbridge

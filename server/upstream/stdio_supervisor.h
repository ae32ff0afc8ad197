#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "server/base/backoff.h"
#include "server/base/deadline.h"
#include "server/base/error.h"
#include "server/config/config.h"
#include "server/jsonrpc/message.h"
#include "server/runtime/deadline_queue.h"
#include "server/runtime/lane.h"
#include "server/upstream/status.h"
#include "server/upstream/stdio_channel.h"
#include "server/upstream/upstream.h"

namespace mcpbridge {

// Bounds of a stdio server. Their defaults are the ones that count; tests shorten the times.
struct StdioLimits {
  // One message from the server; a longer one is dropped, and its call fails.
  std::size_t response_bytes = 64 << 20;
  // Requests not yet taken by the server, or waiting for it to start.
  std::size_t queued_bytes = 16 << 20;
  // From the start of the process to its answer to `initialize`.
  std::chrono::milliseconds handshake = std::chrono::seconds(30);
  // From closing stdin to SIGTERM, and from there to SIGKILL (the MCP SDKs' clients wait 2 s too).
  std::chrono::milliseconds stop_step = std::chrono::seconds(2);
  // A session that lasted this long proves the server sound: its next restart is a quick one again.
  std::chrono::milliseconds sound_after = std::chrono::seconds(10);
};

// Where the reply to one request goes.
class StdioReplySink {
 public:
  // On the home lane, at most once. `text` holds the bytes that a message's views point into; it
  // may be moved from, which ends them. Null with an error.
  virtual void Deliver(Result<jsonrpc::Message> reply, jsonrpc::Text* text) = 0;

  // What the server says in the course of the request. On the home lane, before Deliver().
  virtual void Notify(jsonrpc::Message& message, jsonrpc::Text& text) = 0;
  // What it asks. The answer is given by Answer(), or by Refuse() if there is nobody to ask.
  virtual void Ask(jsonrpc::Message& message, jsonrpc::Text& text) = 0;

 protected:
  ~StdioReplySink() = default;
};

// The part of a StdioUpstream that lives on its home lane: keeps one process running and its
// session open, and knows which request waits for which reply. A call reaches it by its own id
// only, so all that a call can do is to end itself. Lane-only except where it says so.
class StdioSupervisor final : public std::enable_shared_from_this<StdioSupervisor>,
                              private StdioChannel::Handler,
                              private DeadlineEntry {
 public:
  StdioSupervisor(const ServerConfig& config, Lane& home, const StdioLimits& limits,
                  UpstreamUse use);

  Lane& home() const { return home_; }

  // An id that no request to this server has had. Any thread.
  std::int64_t NextId() { return next_id_.fetch_add(1, std::memory_order_relaxed); }

  // How many replies came for requests that were no longer waiting. Any thread.
  std::uint64_t late_replies() const { return late_replies_.load(std::memory_order_relaxed); }

  void Start();

  // Sends `line` (ending in its only line end) or keeps it until the session is open. `sink` must
  // be valid until it has been delivered to or the request is cancelled; `owner` may be null.
  std::optional<Error> Send(std::int64_t id, std::string line, StdioReplySink& sink,
                            std::shared_ptr<StdioReplySink> owner);

  // A whole JSON-RPC response to a request of the server's.
  void Answer(std::string response);
  // The same where nobody can answer. `id`: raw.
  void Refuse(std::string_view id, std::string_view method);

  // The request's reply isn't wanted any more; nothing happens if it has come. If the server has
  // seen the request, it is told.
  void Cancel(std::int64_t id);

  // See Upstream::Stop(). `done` runs on the lane.
  void Stop(std::string why, std::function<void()> done);

  // Kills the process and waits for it; no handler runs afterwards. On the lane, or when it has
  // stopped.
  void Shutdown();

 private:
  enum class State { kIdle, kStarting, kServing, kDown, kStopping, kStopped };
  struct Call {
    StdioReplySink* sink;
    std::shared_ptr<StdioReplySink> owner;
    std::string waiting_line;  // empty: given to the channel
  };

  void OnLine(std::string_view line) override;
  void OnLineTooLong(std::string_view id) override;
  void OnEnd(const std::string& exit) override;
  void OnDeadline() override;

  void StartChild();
  void Restart();
  void Report(const std::function<void(UpstreamStatus&)>& change);
  void OnInitialized(const jsonrpc::Message& message);
  void Serve(std::string_view protocol_version);
  void SendWaiting();
  void OnGarbage(std::string_view line, const Error& error);
  void OnNotification(jsonrpc::Message& message);
  void OnRequest(jsonrpc::Message& message);
  Call* CallOf(std::string_view raw_id);
  Call* LikelyCall();
  void OnReply(jsonrpc::Message& message);
  std::optional<Call> TakeCall(std::string_view raw_id);
  void TakeDown(Reason reason, std::string why, std::string exit = {});
  void CloseSession(const std::string& why);
  void FailCalls(const Error& error);
  Error Unavailable() const;
  void FinishStop();

  const ServerConfig& config_;
  Lane& home_;
  const StdioLimits limits_;
  const UpstreamUse use_;
  std::atomic<std::int64_t> next_id_{1};
  std::atomic<std::uint64_t> late_replies_{0};

  State state_ = State::kIdle;
  std::shared_ptr<StdioChannel> channel_;  // null: no process
  std::int64_t initialize_id_ = 0;         // of this process; 0: answered
  Deadline::Clock::time_point serving_since_;
  bool session_open_ = false;  // for the log
  int garbage_lines_ = 0;      // of this process

  Backoff backoff_;
  Deadline restart_at_;       // in kDown
  std::string down_because_;  // e.g. "ended: exit status 3"
  std::string down_exit_;     // empty: the process had not ended

  std::unordered_map<std::int64_t, Call> calls_;
  Deadline foreign_until_ = Deadline::After({});  // see LikelyCall()
  std::vector<std::int64_t> waiting_;  // in order of arrival; an id not in calls_ was cancelled
  std::size_t waiting_bytes_ = 0;

  jsonrpc::Parser parser_;
  jsonrpc::Text text_;

  std::string stop_reason_;
  std::vector<std::function<void()>> stop_done_;
};

}  // namespace mcpbridge

#pragma once

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
#include "server/upstream/http_server.h"
#include "server/upstream/multiplexed_session.h"
#include "server/upstream/sse_post.h"
#include "server/upstream/sse_stream.h"
#include "server/upstream/status.h"

namespace mcpbridge {

// Bounds of a session over HTTP+SSE. Their defaults are the ones that count; tests shorten the
// times.
struct SseLimits {
  // One message from the server; a longer one is dropped, and its call fails.
  std::size_t response_bytes = 64 << 20;
  // Requests that the server hasn't taken yet, and as much again of those that wait for a session.
  std::size_t queued_bytes = 16 << 20;
  // From the GET to the server's having taken `notifications/initialized`.
  std::chrono::milliseconds handshake = std::chrono::seconds(30);
  // A session that lasted this long proves the server sound: the next is made quickly again.
  std::chrono::milliseconds sound_after = std::chrono::seconds(10);
};

// The part of a SseUpstream that lives on its home lane: keeps the event stream, which is the
// session, and posts what goes to the server. Lane-only except where it says so.
class SseSession final : public MultiplexedSession,
                         private SseStream::Handler,
                         private SsePost::Owner,
                         private DeadlineEntry {
 public:
  // `server` outlives this.
  SseSession(const ServerConfig& config, HttpServer& server, Lane& home, const SseLimits& limits,
             UpstreamUse use);

  void Start();

  std::optional<Error> Send(OutgoingRequest request, ReplySink& sink,
                            std::shared_ptr<ReplySink> owner) override;
  void Answer(std::string response) override;
  void Notify(std::string notification) override;
  void Cancel(std::int64_t id) override;

  // See Upstream::Stop(). `done` runs on the lane.
  void Stop(std::string why, std::function<void()> done);

  // Ends it at once; no handler runs afterwards. On the lane, or when it has stopped.
  void Shutdown();

 private:
  // kStopping: what calls have left behind is still being posted.
  enum class State { kIdle, kConnecting, kReady, kDown, kStopping, kStopped };

  void OnEvent(jsonrpc::SseEvent event) override;
  void OnStreamEnd(Error error) override;
  void OnPosted(std::int64_t id, SsePost::Outcome outcome) override;
  void OnDeadline() override;

  void Connect();
  void OnEndpoint(std::string_view uri);
  void OnText(std::string data);
  void OnMessage(jsonrpc::Message& message, jsonrpc::Text& text);
  void OnTooLarge(std::string_view id);
  void OnGarbage(std::string_view text, const Error& error);
  void OnInitialized(const jsonrpc::Message& message);
  void Open();
  void SendWaiting();
  void GoDown(Error error);
  void CloseStream();
  void CloseSession(const std::string& why);
  void FinishStopIfQuiet();

  std::optional<Error> Post(std::int64_t id, std::string_view text, const Headers& headers = {});
  std::optional<Error> PostRequest(const OutgoingRequest& request);
  void Tell(std::string_view text);
  void Fail(std::int64_t id, Error error);
  Error Overloaded() const;
  Error Unavailable() const;
  void Report(const std::function<void(UpstreamStatus&)>& change);

  const ServerConfig& config_;
  const HttpUrl& url_;
  HttpPool& pool_;
  const SseLimits limits_;

  State state_ = State::kIdle;
  std::unique_ptr<SseStream> stream_;  // null: there was none yet
  std::string post_head_;              // of every POST; empty: the endpoint isn't known
  std::int64_t initialize_id_ = 0;     // while its answer is waited for
  std::int64_t initialized_id_ = 0;    // the post of notifications/initialized, while under way
  std::string version_;                // negotiated
  Deadline::Clock::time_point ready_since_;
  bool session_open_ = false;  // for the log
  int garbage_ = 0;            // events of this stream that were none

  Backoff backoff_;
  Deadline retry_at_;         // in kDown
  std::string down_because_;  // in kDown

  std::unordered_map<std::int64_t, std::unique_ptr<SsePost>> posts_;  // a request's by its id
  std::size_t queued_bytes_ = 0;                                      // in posts_

  jsonrpc::Parser parser_;

  std::string stop_reason_;
  std::vector<std::function<void()>> stop_done_;
};

}  // namespace mcpbridge

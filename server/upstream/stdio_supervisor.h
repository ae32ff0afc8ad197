#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/base/backoff.h"
#include "server/base/deadline.h"
#include "server/base/error.h"
#include "server/config/config.h"
#include "server/jsonrpc/message.h"
#include "server/runtime/deadline_queue.h"
#include "server/runtime/lane.h"
#include "server/upstream/multiplexed_session.h"
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
  // From the start of the process to its answer to the handshake.
  std::chrono::milliseconds handshake = std::chrono::seconds(30);
  // From closing stdin to SIGTERM, and from there to SIGKILL (the MCP SDKs' clients wait 2 s too).
  std::chrono::milliseconds stop_step = std::chrono::seconds(2);
  // A session that lasted this long proves the server sound: its next restart is a quick one again.
  std::chrono::milliseconds sound_after = std::chrono::seconds(10);
};

// The part of a StdioUpstream that lives on its home lane: keeps one process running and its
// session open. Lane-only except where it says so.
class StdioSupervisor final : public MultiplexedSession,
                              private StdioChannel::Handler,
                              private DeadlineEntry {
 public:
  StdioSupervisor(const ServerConfig& config, Lane& home, const StdioLimits& limits,
                  UpstreamUse use);

  void Start();
  // See Upstream::Wake().
  void Wake();

  // The request's text ends in its only line end.
  std::optional<Error> Send(OutgoingRequest request, ReplySink& sink,
                            std::shared_ptr<ReplySink> owner) override;
  void Answer(std::string response) override;
  void Notify(std::string notification) override;
  void Cancel(std::int64_t id) override;

  // See Upstream::Stop(). `done` runs on the lane.
  void Stop(std::string why, std::function<void()> done);

  // Kills the process and waits for it; no handler runs afterwards. On the lane, or when it has
  // stopped.
  void Shutdown();

 private:
  enum class State { kIdle, kStarting, kServing, kDown, kStopping, kStopped };

  void OnLine(std::string_view line) override;
  void OnLineTooLong(std::string_view id) override;
  void OnEnd(const std::string& exit) override;
  void OnDeadline() override;

  void StartChild();
  void Restart();
  void Report(const std::function<void(UpstreamStatus&)>& change);
  void OnInitialized(const jsonrpc::Message& message);
  std::string Handshake() const;
  bool WaitsForDemand() const;
  void Announce();
  void Serve();
  void Refused(std::string why);
  void SendWaiting();
  void WriteIfRead(std::string message);
  void OnGarbage(std::string_view line, const Error& error);
  void OnMessage(jsonrpc::Message& message);
  void TakeDown(Reason reason, std::string why, std::string exit = {});
  void CloseSession(const std::string& why);
  Error Unavailable() const;
  void FinishStop();

  const ServerConfig& config_;
  const StdioLimits limits_;

  State state_ = State::kIdle;
  std::shared_ptr<StdioChannel> channel_;  // null: no process
  std::shared_ptr<void> counted_;          // with it: counts the process
  std::string initialize_id_;              // of this process, raw; empty: answered
  Deadline::Clock::time_point serving_since_;
  UpstreamStatus described_;   // by the last answer to a handshake
  bool session_open_ = false;  // for the log
  int garbage_lines_ = 0;      // of this process

  Backoff backoff_;
  Deadline restart_at_;   // in kDown
  bool refused_ = false;  // the last handshake
  bool woken_ = false;    // starts again although nothing asks for it
  Reason down_reason_ = Reason::kUpstreamUnavailable;
  std::string down_because_;  // e.g. "ended: exit status 3"
  std::string down_exit_;     // empty: the process had not ended

  jsonrpc::Parser parser_;
  jsonrpc::Text text_;

  std::string stop_reason_;
  std::vector<std::function<void()>> stop_done_;
};

}  // namespace mcpbridge

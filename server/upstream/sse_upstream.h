#pragma once

#include <functional>
#include <memory>
#include <string>

#include "server/runtime/lane.h"
#include "server/upstream/sse_session.h"
#include "server/upstream/upstream.h"

namespace mcpbridge {

// A session with an MCP server over HTTP+SSE, the transport of MCP 2024-11-05: one event stream, on
// which all that the server says comes, and a POST for each message to it. The stream is the
// session: where it breaks, so do the calls under way, and another is made.
//
// The destructor runs on `home`, or when that has stopped.
class SseUpstream final : public Upstream {
 public:
  using Limits = SseLimits;

  // `server` outlives this. `use.lists_changed` runs on `home`.
  SseUpstream(const ServerConfig& config, HttpServer& server, Lane& home, const Limits& limits,
              UpstreamUse use);
  ~SseUpstream() override;

  Lane* home() override { return &session_->home(); }
  void Start() override;
  Result<std::unique_ptr<Exchange>> Send(Lane& lane, UpstreamRequest request,
                                         ReplyHandler& handler) override;
  void Notify(std::string notification) override;
  void Stop(std::string why, std::function<void()> done) override;

  // How many replies came for requests that were no longer waiting. Any thread.
  std::uint64_t late_replies() const { return session_->late_replies(); }

 private:
  const std::shared_ptr<SseSession> session_;
};

}  // namespace mcpbridge

#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/base/deadline.h"
#include "server/base/error.h"
#include "server/config/config.h"
#include "server/jsonrpc/message.h"
#include "server/runtime/lane.h"
#include "server/upstream/status.h"

namespace mcpbridge {

using Headers = std::vector<std::pair<std::string, std::string>>;

// One request to an MCP server, in the server's own terms.
struct UpstreamRequest {
  std::string method;  // e.g. "tools/call"
  std::string params;  // raw JSON object; empty: no params
  // Every wait on the way (session, connection) ends by it. Ending the exchange is its owner's
  // task.
  Deadline deadline;
  Headers headers;  // forwarded from the caller (`extra_headers`); http only
};

// Told how a request ended. Runs on the lane the request was sent from, never inside
// Upstream::Send().
class ReplyHandler {
 public:
  // The server's answer: `message` is of kind kResult or kError and valid during this call only. Or
  // why there is none. Exactly once, unless the Exchange is destroyed before. The Exchange may be
  // destroyed in here.
  virtual void OnReply(Result<jsonrpc::Message> message) = 0;

 protected:
  ~ReplyHandler() = default;
};

// A request under way: all that its owner holds of the upstream. Destroying it before the reply
// ends the request: the server is told (once), no handler runs any more, and the session, its
// connections and every other request stay as they were. Lane-only.
class Exchange {
 public:
  virtual ~Exchange() = default;
};

// One configured MCP server: its session, connections or process, for as long as the bridge runs.
// Owned by UpstreamPool. Heals itself: a lost session, connection or process is made again, with
// backoff, and calls that can't be served meanwhile fail at once with kUpstreamUnavailable.
class Upstream {
 public:
  explicit Upstream(const ServerConfig& config) : config_(config) {}
  Upstream(const Upstream&) = delete;
  Upstream& operator=(const Upstream&) = delete;
  virtual ~Upstream() = default;

  const ServerConfig& config() const { return config_; }

  // The lane whose thread does this server's work; null: any lane can call it at the same cost.
  virtual Lane* home() = 0;

  // Begins connecting. On main's thread, once, after the lanes have started.
  virtual void Start() = 0;

  // Sends one request from `lane`, on its thread, under a request id of our own, never a caller's.
  // Or says at once why it can't be sent: then `handler` is not called.
  virtual Result<std::unique_ptr<Exchange>> Send(Lane& lane, UpstreamRequest request,
                                                 ReplyHandler& handler) = 0;

  // Ends the session for good (why: for the log) and calls `done` once, on any thread, when nothing
  // is left: no connection, no process. Any thread. Only after all exchanges are gone.
  virtual void Stop(std::string why, std::function<void()> done) = 0;

 private:
  const ServerConfig& config_;
};

}  // namespace mcpbridge

#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
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
#include "server/mcp/call_params.h"
#include "server/runtime/lane.h"
#include "server/upstream/server_era.h"
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
  Headers headers = {};  // forwarded from the caller (`extra_headers`); http only
  // Headers that repeat what params say; sent to a server of the modern era only.
  Headers mirrored = {};
  // Where params._meta.progressToken stands in `params`: the request's own id takes its place.
  Span token_span = {};
  bool asks_for_task = false;  // params.task is there: see CallParams
  // Whether what the server says or asks while it is under way may be meant for whoever sent it.
  // Not for what is the bridge's own, or only sets something.
  bool takes_messages = true;

  // `params` as they are sent under `id` (raw).
  std::string ParamsFor(std::string_view id) const;
};

// The raw progress token of a notifications/progress; empty: it has none.
std::string_view ProgressTokenOf(jsonrpc::Message& message);

// An error of Upstream::Send() or of a reply as callers get it: a server that doesn't speak the era
// it was asked in can't be used.
Error AsUnavailable(Error error);

// Told what a request brings. Runs on the lane the request was sent from, never inside
// Upstream::Send().
class ReplyHandler {
 public:
  // When the request had the session and the connection that it needed. Told late, with what comes
  // first of the server, and not at all where there was nothing to wait for. Where a request had to
  // be sent again, the last counts.
  virtual void OnConnected(Deadline::Clock::time_point /*at*/) {}

  // What the server says in the course of the request: its own progress, a log message. `message`
  // is valid during this call only. The Exchange must not be destroyed in here.
  virtual void OnNotification(jsonrpc::Message&) {}

  // What the server asks in the course of the request, under an id of its own; ping is answered
  // before it comes here. True: Exchange::Answer() will follow. False: nobody can answer it, and
  // the server is told so. Otherwise as OnNotification().
  virtual bool OnRequest(jsonrpc::Message&) { return false; }

  // The server has ended its stream, not the request, and is asked for the rest after `retry`.
  virtual void OnBrokenOff(std::chrono::milliseconds /*retry*/) {}

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

  // The answer to a request of the server's that OnRequest() took: a whole JSON-RPC response.
  virtual void Answer(std::string response) = 0;
};

// Where that goes what a server says outside of any request. Runs on the session's home lane. As
// they are: nowhere, and its questions are refused.
struct Unsolicited {
  // A notification; valid during this call only.
  std::function<void(jsonrpc::Message&)> announce = {};
  // A question, under the server's own id. True: `answer`, which takes a whole JSON-RPC response,
  // will be called on `home`, while the session lives. False: there is nobody to ask.
  std::function<bool(jsonrpc::Message&, Lane& home, std::function<void(std::string)> answer)> ask =
      {};
};

// What a server is told whose request nobody can answer.
Error NobodyServes(std::string_view method);

// Whether a notification has to do with a request that is under way.
bool IsAboutARequest(std::string_view method);

// Whose session with a server it is.
struct UpstreamUse {
  std::string initialize_params = {};  // raw, of our `initialize`; modern: of our `server/discover`
  // Speaks MCP 2026-07-28, which has no sessions: what is opened is only the knowledge that the
  // server speaks it (and, over stdio, a process of which only that is known).
  bool modern = false;
  // Of the session that all share: who stands for the server. Null: it is a client's own.
  ServerEra* era = nullptr;
  std::string label = {};         // for the log, behind the server's name; may be empty
  StatusBoard* status = nullptr;  // where its health is shown while it stands for the server
  std::uint64_t number = 0;       // the server's there
  bool one_client = false;        // all its requests are one client's
  bool only_on_demand = false;    // (re)connects only when a request wants it, unless it stands
                                  // for its server
  // The server has connected, or has said that one of its lists has changed. Any thread.
  std::function<void()> lists_changed = {};
  // Whether something was set in the session that has to go on: then it is kept connected, too. And
  // told, on its home lane, when it is open, perhaps again: what was set in one before is gone.
  std::function<bool()> holds_open = [] { return false; };
  std::function<void()> opened = [] {};
  Unsolicited unsolicited = {};
  // How many processes of the server run; null: nobody counts them.
  std::shared_ptr<std::atomic<int>> processes = {};

  Era own_era() const { return modern ? Era::kModern : Era::kLegacy; }
  // Whether it shows the server's health, and is kept connected. A legacy one does so until the
  // server turns out to speak the modern era only.
  bool stands_for_server() const {
    return status != nullptr && (era == nullptr || (era->get() == Era::kModern) == modern);
  }
  // Shows a change of the server's health, or not where it doesn't stand for it.
  void Report(const std::string& server, const std::function<void(UpstreamStatus&)>& change) const {
    if (stands_for_server()) status->Update(server, change, number);
  }
  // Whether it connects only when a request wants it.
  bool waits_for_demand() const { return only_on_demand && !stands_for_server() && !holds_open(); }
};

// A session with one configured MCP server, or its process. Heals itself: a lost session,
// connection or process is made again, with backoff, and calls that can't be served meanwhile fail
// at once with kUpstreamUnavailable, or, where the server turns out not to speak the era that it is
// asked in and might speak the other, with kUnsupportedProtocolVersion. UpstreamPool makes them and
// sees them off.
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

  // Connects now, whatever it has concluded about the server's era. Any thread.
  virtual void Wake() {}

  // Sends one request from `lane`, on its thread, under a request id of our own, never a caller's.
  // Or says at once why it can't be sent: then `handler` is not called.
  virtual Result<std::unique_ptr<Exchange>> Send(Lane& lane, UpstreamRequest request,
                                                 ReplyHandler& handler) = 0;

  // Passes on what a client says to its servers, a whole JSON-RPC notification, if the session is
  // open: nobody waits for it, and to open one for it is of no use. Any thread.
  virtual void Notify(std::string notification) = 0;

  // The resources that its client has subscribed to, as far as that is kept. Any thread.
  virtual std::vector<std::string> subscribed() const { return {}; }

  // Ends the session for good (why: for the log) and calls `done` once, on any thread, when nothing
  // is left: no connection, no process. Any thread. Only after all exchanges are gone.
  virtual void Stop(std::string why, std::function<void()> done) = 0;

 private:
  const ServerConfig& config_;
};

}  // namespace mcpbridge

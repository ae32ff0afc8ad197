#pragma once

#include <boost/asio/ssl/context.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "server/base/backoff.h"
#include "server/mcp/initialize.h"
#include "server/runtime/deadline_queue.h"
#include "server/runtime/executor.h"
#include "server/upstream/http_lane.h"
#include "server/upstream/http_listener.h"
#include "server/upstream/http_server.h"
#include "server/upstream/status.h"
#include "server/upstream/upstream.h"

namespace mcpbridge {

// A session with an MCP server over streamable HTTP, or, in the modern era, the knowledge that it
// is there and speaks it: made once, shared by all lanes, made again when the server has lost it.
// The keeping of it lives on one lane; calls go from any.
class HttpUpstream final : public Upstream,
                           private HttpSessionEvents,
                           private ReplyHandler,
                           private DeadlineEntry {
 public:
  // `server` outlives this; `home` is the lane that keeps the session.
  HttpUpstream(const ServerConfig& config, HttpServer& server, Executor& executor, Lane& home,
               UpstreamUse use);
  ~HttpUpstream() override;

  Lane* home() override { return nullptr; }
  void Start() override;
  void Wake() override;
  Result<std::unique_ptr<Exchange>> Send(Lane& lane, UpstreamRequest request,
                                         ReplyHandler& handler) override;
  void Notify(std::string notification) override;
  void Stop(std::string why, std::function<void()> done) override;

 private:
  // kSuspect: there is a session, but the server can't be reached; it is pinged until it can.
  // kIdle: no session, until a request wants one. kListening: there is one, and its own stream is
  // being opened, so that nothing is missed of what the server says once it is used.
  enum class State { kIdle, kConnecting, kListening, kReady, kSuspect, kDown, kStopped };

  void SessionLost(std::uint64_t epoch, std::string why) override;
  void SessionWanted() override;
  void Unreachable(Error error) override;
  void ListsChanged() override { use_.lists_changed(); }
  void Hear(jsonrpc::Message& message);
  void Doubt();
  void OnReply(Result<jsonrpc::Message> message) override;
  void OnDeadline() override;

  void WaitOrConnect();
  void Connect();
  void Ping();
  void OnInitialized(const jsonrpc::Message& message);
  void OnDiscovered(const jsonrpc::Message& message);
  void OnPong(const Result<jsonrpc::Message>& message);
  void Listen();
  void Open();
  void Describe(const InitializeResult& server);
  void GoDown(Error error);
  Error Refused(Error error, unsigned status) const;
  void GoIdle();
  void Report(const std::function<void(UpstreamStatus&)>& change);
  void Suspect(const Error& error);
  void WhenQuiet(std::function<void()> done);
  std::string Head(std::string_view verb, const HttpSession& session) const;
  HttpLane& home_share() { return *lanes_[static_cast<std::size_t>(home_.index())]; }
  // Runs `f(HttpLane&)` on every lane.
  void OnEveryLane(std::function<void(HttpLane&)> f);

  Executor& executor_;
  Lane& home_;
  const HttpUrl& url_;
  const UpstreamUse use_;
  std::vector<std::unique_ptr<HttpLane>> lanes_;

  // On home_ from here on.
  State state_ = State::kIdle;
  bool refused_ = false;  // the last handshake
  Backoff backoff_;
  std::uint64_t epoch_ = 0;
  std::shared_ptr<HttpSession> opening_;  // during the handshake
  std::shared_ptr<const HttpSession> session_;
  std::unique_ptr<HttpExchange> exchange_;  // initialize or ping
  std::unique_ptr<HttpListener> listener_;  // of session_, if the server keeps sessions
};

}  // namespace mcpbridge

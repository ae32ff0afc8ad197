#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/base/error.h"
#include "server/jsonrpc/message.h"
#include "server/runtime/lane.h"
#include "server/upstream/http_exchange.h"
#include "server/upstream/http_pool.h"

namespace mcpbridge {

// What requests on any lane tell the keeper of the server's session. Thread-safe.
class HttpSessionEvents {
 public:
  // The server doesn't know session `epoch` any more (why: in a few words).
  virtual void SessionLost(std::uint64_t epoch, std::string why) = 0;
  // A request waits for a session, and none is being opened.
  virtual void SessionWanted() = 0;
  // No connection can be made.
  virtual void Unreachable(Error error) = 0;
  // One of the server's lists is another now.
  virtual void ListsChanged() = 0;

 protected:
  ~HttpSessionEvents() = default;
};

// One lane's share of a session with an HTTP server: its copy of it, and the requests that wait for
// one. Owned by HttpUpstream. Lane-only.
class HttpLane {
 public:
  // `one_client`: all requests are one client's.
  HttpLane(Lane& lane, const ServerConfig& config, HttpPool& pool, HttpSessionEvents& events,
           bool one_client);
  ~HttpLane();
  HttpLane(const HttpLane&) = delete;
  HttpLane& operator=(const HttpLane&) = delete;

  // See Upstream::Send().
  Result<std::unique_ptr<Exchange>> Send(UpstreamRequest request, ReplyHandler& handler);

  // The keeper's news: there is none and one would have to be asked for; one is being made; there
  // is one; none can be had.
  void SetIdle();
  void SetSession(std::shared_ptr<const HttpSession> session);
  void SetConnecting();
  void SetDown(Error error, Deadline retry_at);

  // For exchanges.
  Lane& lane() { return lane_; }
  HttpPool& pool() { return pool_; }
  jsonrpc::Parser& parser() { return parser_; }
  const ServerConfig& config() const { return config_; }
  const HttpPool::Limits& limits() const { return pool_.limits(); }
  HttpSessionEvents& events() { return events_; }
  bool one_client() const { return one_client_; }
  // Waits for the next session, `lost` being the one that is of no more use.
  void Wait(HttpExchange& exchange, std::uint64_t lost);
  void StopWaiting(HttpExchange& exchange);

  // Posts a notification or a response within `session` and forgets it, within 5 s. `done`, where
  // given, is told the HTTP status, 0: there was none.
  void Post(const HttpSession& session, std::string body, std::function<void(unsigned)> done = {});
  // Sends a whole HTTP message likewise.
  void SendOneWay(std::string message, std::function<void(unsigned)> done = {});

  // Runs `done` once no such message is under way, within 5 s.
  void WhenQuiet(std::function<void()> done);

 private:
  class OneWay;

  Lane& lane_;
  const ServerConfig& config_;
  HttpSessionEvents& events_;
  HttpPool& pool_;
  const bool one_client_;
  jsonrpc::Parser parser_;
  std::shared_ptr<const HttpSession> session_;
  bool idle_ = false;  // see SetIdle()
  std::optional<Error> down_;
  Deadline retry_at_;
  std::list<HttpExchange*> waiting_;
  std::list<std::unique_ptr<OneWay>> one_way_;
  std::vector<std::function<void()>> when_quiet_;
};

}  // namespace mcpbridge

#pragma once

#include <atomic>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/base/error.h"
#include "server/config/config.h"
#include "server/frontend/http/http_connection.h"
#include "server/runtime/executor.h"

namespace mcpbridge {

// Listens for HTTP callers and deals their connections to the lanes in turn, where `handler`
// answers their requests. Owned by its front.
class HttpAcceptor {
 public:
  struct Options {
    ListenAddress address;
    std::string front;    // for errors: "HTTP"
    std::string setting;  // under `bridge:`, and the flag: "http_listen"
    int most_connections;
    std::string limit_name;  // of that, for callers
  };

  HttpAcceptor(Options options, const BridgeConfig::Limits& limits, HttpHandler& handler,
               Executor& executor);
  HttpAcceptor(const HttpAcceptor&) = delete;
  HttpAcceptor& operator=(const HttpAcceptor&) = delete;
  ~HttpAcceptor();

  // Binds and listens; accepts from now on. Returns the address with its real port. On main's
  // thread, after Executor::Start(). Error: the address can't be had.
  Result<std::string> Start();

  // Accepts no more, closes idle connections, and each other one after its response. Any thread.
  void StopAccepting();

  // Accepts no more, closes every connection, whatever is under way, runs `also` on each lane, and
  // waits for it. On main's thread.
  void Close(const std::function<void(Lane&)>& also = [](Lane&) {});

  // Connections there are. Any thread.
  int connections() const { return open_->load(std::memory_order_relaxed); }

 private:
  using Protocol = boost::asio::generic::stream_protocol;
  using Acceptor = boost::asio::basic_socket_acceptor<Protocol, Lane::ExecutorType>;

  std::optional<Error> Listen(const ListenAddress& address);
  void Accept();
  class Accepted;
  void Take(Lane& lane, HttpServerConnection::Socket socket);
  HttpConnections& Of(const Lane& lane) {
    return connections_[static_cast<std::size_t>(lane.index())];
  }

  const Options options_;
  const BridgeConfig::Limits limits_;  // of the start
  HttpHandler& handler_;
  Executor& executor_;
  std::vector<HttpConnections> connections_;  // by lane
  // Shared with the connections, which may be the last to go.
  const std::shared_ptr<std::atomic<int>> open_ = std::make_shared<std::atomic<int>>(0);
  // On lane 0 from here on.
  Acceptor acceptor_;
  boost::asio::steady_timer retry_;
  int next_lane_ = 0;
  std::string address_;
};

}  // namespace mcpbridge

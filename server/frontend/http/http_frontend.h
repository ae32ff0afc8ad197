#pragma once

#include <atomic>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <string>
#include <vector>

#include "server/base/error.h"
#include "server/frontend/http/http_connection.h"
#include "server/frontend/http/mcp_endpoint.h"
#include "server/runtime/executor.h"
#include "server/service/tool_service.h"

namespace mcpbridge {

// Listens for HTTP callers and deals their connections to the lanes in turn. Owned by App.
class HttpFrontend {
 public:
  HttpFrontend(ToolService& service, ClientSessions& sessions, Executor& executor);
  ~HttpFrontend();

  // Binds and listens; accepts from now on. Returns the address with its real port. On main's
  // thread, after Executor::Start(). Error: the address can't be had.
  Result<std::string> Start();

  // Accepts no more, closes idle connections, and each other one after its response. Any thread.
  void StopAccepting();

  // Closes every connection, whatever is under way, and waits for it. On main's thread.
  void Close();

 private:
  using Protocol = boost::asio::generic::stream_protocol;
  using Acceptor = boost::asio::basic_socket_acceptor<Protocol, Lane::ExecutorType>;

  std::optional<Error> Listen(const ListenAddress& address);
  void Accept();
  void Take(Lane& lane, HttpServerConnection::Socket socket);
  HttpConnections& Of(const Lane& lane) {
    return connections_[static_cast<std::size_t>(lane.index())];
  }

  void SweepSessions();

  ToolService& service_;
  ClientSessions& sessions_;
  Executor& executor_;
  const BridgeConfig config_;  // of the start: what a listener has can't be changed later
  McpEndpoint endpoint_;
  std::vector<HttpConnections> connections_;  // by lane
  // Connections there are; shared with them, which may be the last to go.
  const std::shared_ptr<std::atomic<int>> open_ = std::make_shared<std::atomic<int>>(0);
  // On lane 0 from here on.
  Acceptor acceptor_;
  boost::asio::steady_timer retry_;
  boost::asio::steady_timer sweep_;
  int next_lane_ = 0;
  std::string address_;
};

}  // namespace mcpbridge

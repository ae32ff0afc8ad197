#pragma once

#include <boost/asio/steady_timer.hpp>
#include <string>

#include "server/base/error.h"
#include "server/frontend/http/http_acceptor.h"
#include "server/frontend/http/mcp_endpoint.h"
#include "server/runtime/executor.h"
#include "server/service/tool_service.h"

namespace mcpbridge {

// MCP over HTTP: the endpoint and its listener. Owned by App.
class HttpFrontend {
 public:
  HttpFrontend(ToolService& service, ClientSessions& sessions, Executor& executor);

  // See HttpAcceptor.
  Result<std::string> Start();
  void StopAccepting();

  // Closes every connection, ends what goes on without one, and waits for it. On main's thread.
  void Close();

  int connections() const { return acceptor_.connections(); }

  // Answers requests that come another way too.
  McpEndpoint& endpoint() { return endpoint_; }

 private:
  void SweepSessions();

  ToolService& service_;
  ClientSessions& sessions_;
  Executor& executor_;
  McpEndpoint endpoint_;
  HttpAcceptor acceptor_;
  boost::asio::steady_timer sweep_;  // on lane 0
};

}  // namespace mcpbridge

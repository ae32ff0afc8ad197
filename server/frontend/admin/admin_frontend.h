#pragma once

#include <string>

#include "server/base/error.h"
#include "server/frontend/admin/admin_endpoint.h"
#include "server/frontend/http/http_acceptor.h"
#include "server/frontend/http/http_frontend.h"

namespace mcpbridge {

// The listener for whoever looks after the bridge. Answers while the bridge stops, too: until
// Close(). Owned by App.
class AdminFrontend {
 public:
  // `http` answers the page's own calls.
  AdminFrontend(const ListenAddress& address, ToolService& service, ClientSessions& sessions,
                Executor& executor, HttpFrontend& http);

  // See HttpAcceptor.
  Result<std::string> Start() { return acceptor_.Start(); }
  void Close() { acceptor_.Close(); }

 private:
  AdminEndpoint endpoint_;
  HttpAcceptor acceptor_;
};

}  // namespace mcpbridge

#pragma once

#include <optional>
#include <string>

#include "server/base/error.h"
#include "server/config/config.h"
#include "server/frontend/admin/admin_frontend.h"
#include "server/frontend/grpc/grpc_frontend.h"
#include "server/frontend/http/http_frontend.h"
#include "server/observe/observer.h"
#include "server/routing/router.h"
#include "server/runtime/executor.h"
#include "server/service/client_session.h"
#include "server/service/tool_service.h"
#include "server/upstream/status.h"
#include "server/upstream/upstream_pool.h"

namespace mcpbridge {

// Everything between main() and the wire: builds every module from the configuration, in order, and
// stops them in reverse. Owned by main(), as is `executor`, which outlives it. All functions on
// main's thread.
class App {
 public:
  struct Addresses {
    std::string http;
    std::string grpc;
    std::string admin;  // empty: there is none
  };

  App(const Config& config, Executor& executor);
  ~App();
  App(const App&) = delete;
  App& operator=(const App&) = delete;

  // Serves from now on. An error (an address that can't be had): nothing is served; destroy the
  // App.
  Result<Addresses> Start();

  // Goes on with another configuration, which has been checked, NeedsRestart() too: new calls are
  // under it, those under way finish under the one they began with. Returns when that is so, and
  // what it was, for the log; servers that are new may still be connecting. An error: nothing has
  // changed. Between Start() and Stop().
  Result<std::string> Reload(Config wanted);

  // The configuration that it runs with.
  const Config& config() const { return service_.config(); }

  // Ends it all, each step logged with its time: no new calls, those under way have until
  // `drain_grace` to finish, sessions and processes are closed, the executor's threads end. Calls
  // that take longer are cancelled. `why`: for the log. Idempotent; the destructor does it if
  // nobody has.
  void Stop(const std::string& why);

  // For tests.
  ToolService& service() { return service_; }
  ClientSessions& sessions() { return sessions_; }
  UpstreamPool& pool() { return pool_; }
  StatusBoard& status() { return status_; }

 private:
  Executor& executor_;
  StatusBoard status_;
  Router router_;
  UpstreamPool pool_;
  Observer observer_;
  ToolService service_;
  ClientSessions sessions_;
  GrpcFrontend grpc_;
  HttpFrontend http_;
  std::optional<AdminFrontend> admin_;
  bool running_ = false;
  bool stopped_ = false;
};

}  // namespace mcpbridge

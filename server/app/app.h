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
// stops them in reverse. Owned by main(), as are `config` and `executor`, which outlive it. All
// functions on main's thread.
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

  // Ends it all, each step logged with its time: no new calls, those under way have until
  // `drain_grace` to finish, sessions and processes are closed, the executor's threads end. Calls
  // that take longer are cancelled. `why`: for the log. Idempotent; the destructor does it if
  // nobody has.
  void Stop(const std::string& why);

  // For tests.
  ToolService& service() { return service_; }
  ClientSessions& sessions() { return sessions_; }
  StatusBoard& status() { return status_; }

 private:
  const Config& config_;
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

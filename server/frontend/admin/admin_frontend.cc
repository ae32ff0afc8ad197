#include "server/frontend/admin/admin_frontend.h"

namespace mcpbridge {
namespace {

// Scrapers and a few people.
constexpr int kMostConnections = 256;

}  // namespace

AdminFrontend::AdminFrontend(const ListenAddress& address, ToolService& service,
                             ClientSessions& sessions, Executor& executor, HttpFrontend& http)
    : endpoint_({service, sessions, executor}, http.endpoint(), address,
                [this, &http] {
                  return ListenerState{.http_connections = http.connections(),
                                       .admin_connections = acceptor_.connections()};
                }),
      acceptor_({.address = address,
                 .front = "operators",
                 .setting = "admin_listen",
                 .most_connections = kMostConnections,
                 .limit_name = "connections of the admin listener"},
                service.config().bridge.limits, endpoint_, executor) {}

}  // namespace mcpbridge

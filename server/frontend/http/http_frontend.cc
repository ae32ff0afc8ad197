#include "server/frontend/http/http_frontend.h"

#include <algorithm>
#include <chrono>

namespace mcpbridge {
namespace {

// How often idle sessions are looked for.
constexpr std::chrono::seconds kSweepInterval{30};

HttpAcceptor::Options OptionsOf(const BridgeConfig& config) {
  return {.address = config.http_listen,
          .front = "HTTP",
          .setting = "http_listen",
          .most_connections = config.limits.http_connections,
          .limit_name = "bridge.limits.http_connections"};
}

}  // namespace

HttpFrontend::HttpFrontend(ToolService& service, ClientSessions& sessions, Executor& executor)
    : service_(service),
      sessions_(sessions),
      executor_(executor),
      endpoint_(service, sessions, executor),
      acceptor_(OptionsOf(service.config().bridge), service.config().bridge.limits, endpoint_,
                executor),
      sweep_(executor.lane(0).io()) {}

Result<std::string> HttpFrontend::Start() {
  Result<std::string> address = acceptor_.Start();
  if (address) executor_.lane(0).Post([this] { SweepSessions(); });
  return address;
}

void HttpFrontend::SweepSessions() {
  sessions_.Sweep();
  service_.asking_sessions().Sweep();
  sweep_.expires_after(
      std::min<std::chrono::milliseconds>(kSweepInterval, service_.config().bridge.session_idle));
  sweep_.async_wait([this](boost::system::error_code aborted) {
    if (!aborted) SweepSessions();
  });
}

void HttpFrontend::StopAccepting() {
  executor_.lane(0).Post([this] { sweep_.cancel(); });
  acceptor_.StopAccepting();
}

void HttpFrontend::Close() {
  acceptor_.Close([this](Lane& lane) { endpoint_.EndLoneCalls(lane); });
}

}  // namespace mcpbridge

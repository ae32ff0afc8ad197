#include "tests/integration/bridge_fixture.h"

#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <future>
#include <regex>

#include "server/base/log.h"
#include "tests/fakes/eventually.h"

namespace mcpbridge::test {

Config ConfigWith(std::vector<std::pair<std::string, std::string>> servers) {
  Config config;
  for (auto& [name, url] : servers) {
    ServerConfig server;
    server.name = name;
    server.url = url;
    config.servers.push_back(std::move(server));
  }
  config.bridge.http_listen.port = 0;
  config.bridge.grpc_listen.port = 0;
  config.bridge.admin_listen.reset();
  config.bridge.lanes = 2;
  config.bridge.drain_grace = std::chrono::seconds(5);
  return config;
}

Bridge::Bridge(Config config)
    : config_(std::move(config)), executor_({.lanes = config_.bridge.lanes}) {
  signal(SIGPIPE, SIG_IGN);
  // Once: another bridge of the same test may be logging.
  [[maybe_unused]] static const bool logs = (InitLogging("error"), true);
  app_ = std::make_unique<App>(config_, executor_);
  auto started = app_->Start();
  if (!started) throw std::runtime_error(started.error().message);
  addresses_ = *started;
  const auto port_of = [](const std::string& address) {
    return static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
  };
  http_port_ = port_of(addresses_.http);
  if (!addresses_.admin.empty()) admin_port_ = port_of(addresses_.admin);
}

Bridge::~Bridge() { app_->Stop("end of the test"); }

std::shared_ptr<grpc::Channel> Bridge::Channel() const {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(addresses_.grpc, grpc::InsecureChannelCredentials(), arguments);
}

bool Bridge::WaitForTools(const std::string& server) {
  auto stub = Stub();
  const auto give_up = std::chrono::steady_clock::now() + kPatience;
  int lanes = 0;  // calls are dealt to them in turn
  while (std::chrono::steady_clock::now() < give_up) {
    grpc::ClientContext context;
    if (!config_.master_key.empty()) context.AddMetadata("x-litellm-api-key", config_.master_key);
    v1::ListToolsRequest request;
    request.set_server(server);
    v1::ListToolsResponse response;
    const bool ok = stub->ListTools(&context, request, &response).ok() &&
                    app_->status().Snapshot().at(server).health == UpstreamHealth::kServing;
    lanes = ok ? lanes + 1 : 0;
    if (lanes == executor_.lane_count()) return WaitUntilIdle();
    if (!ok) std::this_thread::sleep_for(std::chrono::milliseconds(5));  // polling, by kPatience
  }
  return false;
}

bool Bridge::WaitUntilIdle() {
  return Eventually([this] { return app_->service().gate().count() == 0; });
}

std::string CallMessage(const std::string& id, const std::string& tool, const std::string& text) {
  return R"({"jsonrpc":"2.0","id":)" + id + R"(,"method":"tools/call","params":{"name":")" + tool +
         R"(","arguments":{"text":")" + text + R"("}}})";
}

std::string ReasonOf(const grpc::Status& status) {
  google::rpc::Status details;
  if (!details.ParseFromString(status.error_details())) return {};
  for (const auto& any : details.details()) {
    google::rpc::ErrorInfo info;
    if (any.UnpackTo(&info)) return info.domain() == "mcpbridge" ? info.reason() : "?";
  }
  return {};
}

std::string ReasonOf(const std::string& body) {
  static const std::regex kReason(R"re("data":\{"reason":"([A-Z_]+)")re");
  std::smatch match;
  return std::regex_search(body, match, kReason) ? match[1].str() : std::string();
}

}  // namespace mcpbridge::test

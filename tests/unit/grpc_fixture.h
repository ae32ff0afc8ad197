#pragma once

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <mcpbridge/v1/tool_service.grpc.pb.h>

#include <memory>
#include <string>
#include <utility>

#include "server/frontend/grpc/grpc_frontend.h"
#include "server/service/client_session.h"
#include "tests/fakes/fake_mcp_server.h"

namespace mcpbridge {

// The gRPC front with all that is below it, in front of one fake server named "fake".
class GrpcBridge {
 public:
  explicit GrpcBridge(Config config)
      : config_(std::move(config)),
        executor_({.lanes = 2}),
        status_({"fake"}),
        router_(config_, executor_),
        pool_(config_, executor_, router_, status_),
        observer_(executor_, AccessLog::Format::kOff),
        service_(config_, executor_, pool_, router_, status_, observer_),
        sessions_(service_),
        frontend_(service_, sessions_, executor_, status_, {.calls = 2, .rare = 1}) {
    Result<std::string> address = frontend_.Start();
    EXPECT_TRUE(address.has_value()) << (address ? "" : address.error().message);
    if (address) address_ = *address;
    executor_.Start();
    pool_.Start();
    frontend_.Arm();
    status_.SetServing(true);
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(-1);
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    channel_ = grpc::CreateCustomChannel(address_, grpc::InsecureChannelCredentials(), arguments);
    tools_ = v1::ToolService::NewStub(channel_);
  }
  ~GrpcBridge() { Stop(Deadline::After(std::chrono::seconds(10))); }

  // Until every lane knows the server's tools: a list is asked for on each in turn.
  void WaitForTools() {
    for (int lane = 0; lane < executor_.lane_count(); ++lane) {
      grpc::ClientContext context;
      v1::ListToolsResponse response;
      const grpc::Status status = tools_->ListTools(&context, {}, &response);
      ASSERT_TRUE(status.ok()) << status.error_message();
      ASSERT_GT(response.tools_size(), 0);
    }
  }

  // As App does it. What Shutdown() said.
  bool Stop(Deadline deadline) {
    if (std::exchange(stopped_, true)) return true;
    status_.SetServing(false);
    service_.gate().Close();
    frontend_.StopAccepting();
    const bool ended = frontend_.Shutdown(deadline);
    EXPECT_TRUE(service_.gate().WaitUntilEmpty(Deadline::After(std::chrono::seconds(10))));
    pool_.Stop("test");
    executor_.DrainQueues();
    executor_.StopLanes();
    return ended;
  }

  const std::string& address() const { return address_; }
  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }
  v1::ToolService::Stub& tools() { return *tools_; }
  ToolService& service() { return service_; }
  StatusBoard& status() { return status_; }
  GrpcFrontend& frontend() { return frontend_; }

 private:
  const Config config_;
  Executor executor_;
  StatusBoard status_;
  Router router_;
  UpstreamPool pool_;
  Observer observer_;
  ToolService service_;
  ClientSessions sessions_;
  GrpcFrontend frontend_;
  bool stopped_ = false;
  std::string address_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::ToolService::Stub> tools_;
};

inline Config ConfigFor(const FakeMcpServer& server) {
  Config config;
  ServerConfig& fake = config.servers.emplace_back();
  fake.name = "fake";
  fake.description = "a fake";
  fake.url = server.url();
  config.bridge.grpc_listen = {.host = "127.0.0.1", .port = 0, .unix_path = {}};
  return config;
}

}  // namespace mcpbridge

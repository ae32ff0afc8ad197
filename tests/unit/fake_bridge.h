#pragma once

#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "mcpbridge/v1/tool_service.grpc.pb.h"

namespace mcpbridge::client {

// A bridge whose answers are the test's own. Handlers run on gRPC's threads.
class FakeBridge final : public v1::ToolService::Service {
 public:
  explicit FakeBridge(const std::string& listen = "127.0.0.1:0",
                      const std::shared_ptr<grpc::ServerCredentials>& credentials =
                          grpc::InsecureServerCredentials()) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort(listen, credentials, &port_);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }
  ~FakeBridge() override { server_->Shutdown(std::chrono::system_clock::now()); }

  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

  std::function<grpc::Status(grpc::ServerContext&, const v1::CallToolRequest&,
                             v1::CallToolResponse&)>
      on_call = [](auto&, const auto&, auto&) { return grpc::Status::OK; };
  std::function<grpc::Status(grpc::ServerContext&, const v1::CallToolStreamRequest&,
                             grpc::ServerWriter<v1::CallToolStreamResponse>&)>
      on_stream = [](auto&, const auto&, auto&) { return grpc::Status::OK; };
  std::function<grpc::Status(grpc::ServerContext&, const v1::ListToolsRequest&,
                             v1::ListToolsResponse&)>
      on_list;
  std::function<grpc::Status(grpc::ServerContext&, v1::ListServersResponse&)> on_servers;

 private:
  grpc::Status CallTool(grpc::ServerContext* context, const v1::CallToolRequest* request,
                        v1::CallToolResponse* response) override {
    return on_call(*context, *request, *response);
  }
  grpc::Status CallToolStream(grpc::ServerContext* context,
                              const v1::CallToolStreamRequest* request,
                              grpc::ServerWriter<v1::CallToolStreamResponse>* writer) override {
    return on_stream(*context, *request, *writer);
  }
  grpc::Status ListTools(grpc::ServerContext* context, const v1::ListToolsRequest* request,
                         v1::ListToolsResponse* response) override {
    return on_list(*context, *request, *response);
  }
  grpc::Status ListServers(grpc::ServerContext* context, const v1::ListServersRequest*,
                           v1::ListServersResponse* response) override {
    return on_servers(*context, *response);
  }

  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace mcpbridge::client

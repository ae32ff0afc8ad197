#pragma once

#include <grpcpp/client_context.h>

#include <chrono>
#include <future>
#include <memory>
#include <string>

#include "mcpbridge/v1/tool_service.grpc.pb.h"
#include "tests/integration/bridge_fixture.h"

namespace mcpbridge::test {

// A configuration with one server over gRPC, "g".
inline Config GrpcConfig(const std::string& url) {
  Config config = ConfigWith({{"g", url}});
  config.servers[0].transport = TransportKind::kGrpc;
  return config;
}

// A call of a tool over gRPC. `timeout` 0: no deadline.
class TestCall {
 public:
  TestCall(Bridge& bridge, const std::string& tool, const std::string& text,
           std::chrono::milliseconds timeout = std::chrono::milliseconds(0))
      : stub_(bridge.Stub()) {
    request_.set_name(tool);
    request_.set_arguments_json(R"({"text":")" + text + R"("})");
    if (timeout.count() != 0) context_.set_deadline(std::chrono::system_clock::now() + timeout);
  }
  ~TestCall() {
    if (end_.valid()) Wait();
  }

  v1::CallToolRequest& request() { return request_; }
  const v1::CallToolResponse& response() const { return response_; }
  grpc::ClientContext& context() { return context_; }

  TestCall& Start() {
    auto promise = std::make_shared<std::promise<grpc::Status>>();
    end_ = promise->get_future();
    stub_->async()->CallTool(&context_, &request_, &response_,
                             [promise](grpc::Status status) { promise->set_value(status); });
    return *this;
  }
  grpc::Status Wait() { return end_.get(); }
  grpc::Status Run() { return Start().Wait(); }

  std::string Text() const {
    return response_.content_size() == 1 ? response_.content(0).text().text() : "no content";
  }

 private:
  const std::unique_ptr<v1::ToolService::Stub> stub_;
  grpc::ClientContext context_;
  v1::CallToolRequest request_;
  v1::CallToolResponse response_;
  std::future<grpc::Status> end_;
};

}  // namespace mcpbridge::test

#pragma once

#include <gmock/gmock.h>
#include <grpcpp/client_context.h>
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "mcpbridge/v1/session_service.grpc.pb.h"
#include "tests/integration/bridge_fixture.h"

namespace mcpbridge::test {

// One client, on a stream and a connection of its own.
class ConnectClient {
 public:
  explicit ConnectClient(const Bridge& bridge,
                         const std::map<std::string, std::string>& metadata = {},
                         std::chrono::milliseconds time = kPatience)
      : stub_(v1::SessionService::NewStub(bridge.Channel())) {
    for (const auto& [name, value] : metadata) context_.AddMetadata(name, value);
    context_.set_deadline(std::chrono::system_clock::now() + time);
    stream_ = stub_->Connect(&context_);
  }
  ~ConnectClient() { Kill(); }

  bool Say(const std::string& message) {
    v1::ConnectRequest request;
    request.set_message(message);
    return stream_->Write(request);
  }
  // The next message; empty: the stream is over.
  std::string Next() {
    v1::ConnectResponse response;
    if (!stream_->Read(&response)) return {};
    dropped_ += response.dropped();
    return response.message();
  }
  std::string Ask(const std::string& message) {
    Say(message);
    return Next();
  }
  // Begins as clients of MCP 2025-06-18 do.
  void Initialized(const std::string& capabilities = "{}") {
    EXPECT_THAT(Ask(Initialize(capabilities)),
                testing::HasSubstr(R"("id":0,"result":{"protocolVersion")"));
    Say(R"({"jsonrpc":"2.0","method":"notifications/initialized"})");
  }
  void HalfClose() { stream_->WritesDone(); }
  grpc::Status End() {
    over_ = true;
    return stream_->Finish();
  }
  void Kill() {
    context_.TryCancel();
    if (!std::exchange(over_, true)) stream_->Finish();
  }
  int dropped() const { return dropped_; }
  const grpc::ClientContext& context() const { return context_; }

  static std::string Initialize(const std::string& capabilities = "{}") {
    return R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":)" +
           capabilities + R"(,"clientInfo":{"name":"tester","version":"7"}}})";
  }

 private:
  std::unique_ptr<v1::SessionService::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::ConnectRequest, v1::ConnectResponse>> stream_;
  bool over_ = false;
  int dropped_ = 0;
};

}  // namespace mcpbridge::test

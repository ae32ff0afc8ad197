// Results as large as the bound, and beyond it, over gRPC: an answer or a reason, at once.

#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "mcpbridge/v1/tool_service.grpc.pb.h"
#include "tests/fakes/fake_mcp_server.h"
#include "tests/integration/bridge_fixture.h"

namespace mcpbridge::test {
namespace {

constexpr std::size_t kLarge = 64 << 20;

class LargeResultTest : public testing::Test {
 protected:
  LargeResultTest() {
    FakeAnswer large;
    large.result = R"({"content":[{"type":"text","text":")" + std::string(kLarge, 'x') + R"("}]})";
    upstream_.OnTool("echo", std::move(large));
  }

  // A bridge whose results may be so large.
  std::unique_ptr<Bridge> BridgeFor(std::size_t response_bytes) {
    Config config = ConfigWith({{"fake", upstream_.url()}});
    config.bridge.limits.response_bytes = response_bytes;
    auto bridge = std::make_unique<Bridge>(std::move(config));
    EXPECT_TRUE(bridge->WaitForTools("fake"));
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(-1);
    stub_ = v1::ToolService::NewStub(grpc::CreateCustomChannel(
        bridge->grpc_address(), grpc::InsecureChannelCredentials(), arguments));
    return bridge;
  }

  static v1::CallToolRequest Request() {
    v1::CallToolRequest request;
    request.set_name("echo");
    return request;
  }
  grpc::Status Call(v1::CallToolResponse& response) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + 3 * kPatience);
    return stub_->CallTool(&context, Request(), &response);
  }
  // The stream's last message.
  grpc::Status CallStream(v1::CallToolStreamResponse& response) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + 3 * kPatience);
    v1::CallToolStreamRequest request;
    *request.mutable_call() = Request();
    const auto reader = stub_->CallToolStream(&context, request);
    while (reader->Read(&response)) {
    }
    return reader->Finish();
  }

  FakeMcpServer upstream_;
  std::unique_ptr<v1::ToolService::Stub> stub_;
};

TEST_F(LargeResultTest, BeyondTheLimitItIsAReason) {
  const auto bridge = BridgeFor(BridgeConfig::Limits().response_bytes);
  v1::CallToolResponse response;
  const grpc::Status status = Call(response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED) << status.error_message();
  EXPECT_EQ(ReasonOf(status), "RESPONSE_TOO_LARGE");
  v1::CallToolStreamResponse last;
  const grpc::Status stream = CallStream(last);
  EXPECT_EQ(stream.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED) << stream.error_message();
  EXPECT_EQ(ReasonOf(stream), "RESPONSE_TOO_LARGE");
}

TEST_F(LargeResultTest, WithinARaisedLimitItComesWhole) {
  const auto bridge = BridgeFor(kLarge + (1 << 20));
  v1::CallToolResponse response;
  const grpc::Status status = Call(response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  ASSERT_EQ(response.content_size(), 1);
  EXPECT_EQ(response.content(0).text().text().size(), kLarge);
  v1::CallToolStreamResponse last;
  const grpc::Status stream = CallStream(last);
  EXPECT_TRUE(stream.ok()) << stream.error_message();
  ASSERT_EQ(last.result().content_size(), 1);
  EXPECT_EQ(last.result().content(0).text().text().size(), kLarge);
}

}  // namespace
}  // namespace mcpbridge::test

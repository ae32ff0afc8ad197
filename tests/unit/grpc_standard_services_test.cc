#include <google/protobuf/descriptor.pb.h>
#include <grpc/health/v1/health.grpc.pb.h>
#include <grpc/reflection/v1/reflection.grpc.pb.h>
#include <grpc/reflection/v1alpha/reflection.grpc.pb.h>

#include <set>
#include <thread>

#include "tests/unit/grpc_fixture.h"

namespace mcpbridge {
namespace {

using namespace std::chrono_literals;
using grpc::health::v1::Health;
using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

class HealthTest : public testing::Test {
 protected:
  HealthTest() : stub_(Health::NewStub(bridge_.channel())) {
    bridge_.status().Update("fake", [](UpstreamStatus& s) { s.health = UpstreamHealth::kServing; });
  }

  HealthCheckResponse::ServingStatus Check(const std::string& service) {
    grpc::ClientContext context;
    HealthCheckRequest request;
    request.set_service(service);
    HealthCheckResponse response;
    const grpc::Status status = stub_->Check(&context, request, &response);
    return status.ok() ? response.status() : HealthCheckResponse::SERVICE_UNKNOWN;
  }

  std::unique_ptr<grpc::ClientReader<HealthCheckResponse>> Watch(grpc::ClientContext& context,
                                                                 const std::string& service) {
    HealthCheckRequest request;
    request.set_service(service);
    return stub_->Watch(&context, request);
  }

  void SetUpstream(UpstreamHealth health) {
    bridge_.status().Update("fake", [health](UpstreamStatus& s) { s.health = health; });
  }

  // Nobody but the test says how "fake" is: the pool has no servers.
  static Config NoServers() {
    Config config;
    config.bridge.grpc_listen = {.host = "127.0.0.1", .port = 0, .unix_path = {}};
    return config;
  }

  GrpcBridge bridge_{NoServers()};
  std::unique_ptr<Health::Stub> stub_;
};

TEST_F(HealthTest, CheckKnowsTheBridgeAndItsServers) {
  EXPECT_EQ(Check(""), HealthCheckResponse::SERVING);
  EXPECT_EQ(Check("mcpbridge.v1.ToolService"), HealthCheckResponse::SERVING);
  SetUpstream(UpstreamHealth::kNotServing);
  EXPECT_EQ(Check("mcp.fake"), HealthCheckResponse::NOT_SERVING);
  EXPECT_EQ(Check(""), HealthCheckResponse::SERVING);
  grpc::ClientContext context;
  HealthCheckRequest request;
  request.set_service("mcp.other");
  HealthCheckResponse response;
  EXPECT_EQ(stub_->Check(&context, request, &response).error_code(), grpc::NOT_FOUND);
}

TEST_F(HealthTest, WatchTellsEveryChangeUntilItIsCancelled) {
  grpc::ClientContext context;
  const auto reader = Watch(context, "");
  HealthCheckResponse response;
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::SERVING);
  for (int i = 0; i < 3; ++i) {
    bridge_.status().SetServing(false);
    ASSERT_TRUE(reader->Read(&response));
    EXPECT_EQ(response.status(), HealthCheckResponse::NOT_SERVING);
    bridge_.status().SetServing(true);
    ASSERT_TRUE(reader->Read(&response));
    EXPECT_EQ(response.status(), HealthCheckResponse::SERVING);
  }
  context.TryCancel();
  EXPECT_FALSE(reader->Read(&response));
  EXPECT_EQ(reader->Finish().error_code(), grpc::CANCELLED);
}

TEST_F(HealthTest, WatchOfAnUnknownServiceSaysSoAndGoesOn) {
  grpc::ClientContext context;
  const auto reader = Watch(context, "nobody");
  HealthCheckResponse response;
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::SERVICE_UNKNOWN);
  std::thread canceller([&] { context.TryCancel(); });
  EXPECT_FALSE(reader->Read(&response));
  canceller.join();
  EXPECT_EQ(reader->Finish().error_code(), grpc::CANCELLED);
}

// Changes that come faster than they are read: the last one always arrives.
TEST_F(HealthTest, TheLatestStateWins) {
  grpc::ClientContext context;
  const auto reader = Watch(context, "mcp.fake");
  std::thread changer([this] {
    for (int i = 0; i < 2000; ++i) {
      SetUpstream(i % 2 == 0 ? UpstreamHealth::kNotServing : UpstreamHealth::kServing);
    }
    SetUpstream(UpstreamHealth::kNotServing);
  });
  changer.join();
  bridge_.status().SetServing(false);
  HealthCheckResponse response;
  ASSERT_TRUE(reader->Read(&response));
  while (response.status() != HealthCheckResponse::NOT_SERVING)
    ASSERT_TRUE(reader->Read(&response));
  EXPECT_EQ(Check("mcp.fake"), HealthCheckResponse::NOT_SERVING);
}

TEST_F(HealthTest, WatchersAreToldOfTheEnd) {
  grpc::ClientContext context;
  const auto reader = Watch(context, "mcp.fake");
  HealthCheckResponse response;
  ASSERT_TRUE(reader->Read(&response));
  std::thread stopper([this] { EXPECT_TRUE(bridge_.Stop(Deadline::After(10s))); });
  while (response.status() != HealthCheckResponse::NOT_SERVING)
    ASSERT_TRUE(reader->Read(&response));
  EXPECT_FALSE(reader->Read(&response));
  EXPECT_EQ(reader->Finish().error_code(), grpc::UNAVAILABLE);
  stopper.join();
}

template <class Service_, class Request_, class Response_>
struct Version {
  using Service = Service_;
  using Request = Request_;
  using Response = Response_;
};
namespace r1 = grpc::reflection::v1;
namespace ra = grpc::reflection::v1alpha;
using Versions = testing::Types<
    Version<r1::ServerReflection, r1::ServerReflectionRequest, r1::ServerReflectionResponse>,
    Version<ra::ServerReflection, ra::ServerReflectionRequest, ra::ServerReflectionResponse>>;

template <class V>
class ReflectionTest : public testing::Test {
 protected:
  using Request = typename V::Request;
  using Response = typename V::Response;

  void Open() {
    stub_ = V::Service::NewStub(bridge_.channel());
    stream_ = stub_->ServerReflectionInfo(&context_);
  }
  Response Ask(const Request& request) {
    Response response;
    EXPECT_TRUE(stream_->Write(request));
    EXPECT_TRUE(stream_->Read(&response));
    return response;
  }
  Response AskSymbol(const std::string& symbol) {
    Request request;
    request.set_host("h");
    request.set_file_containing_symbol(symbol);
    return Ask(request);
  }
  static std::multiset<std::string> Names(const Response& response) {
    std::multiset<std::string> names;
    for (const std::string& bytes : response.file_descriptor_response().file_descriptor_proto()) {
      google::protobuf::FileDescriptorProto file;
      EXPECT_TRUE(file.ParseFromString(bytes));
      names.insert(file.name());
    }
    return names;
  }

  FakeMcpServer upstream_;
  GrpcBridge bridge_{ConfigFor(upstream_)};
  grpc::ClientContext context_;
  std::unique_ptr<typename V::Service::Stub> stub_;
  std::unique_ptr<grpc::ClientReaderWriter<Request, Response>> stream_;
};
TYPED_TEST_SUITE(ReflectionTest, Versions);

TYPED_TEST(ReflectionTest, ServicesAreListed) {
  this->Open();
  typename TypeParam::Request request;
  request.set_list_services("*");
  const auto response = this->Ask(request);
  std::set<std::string> names;
  for (const auto& service : response.list_services_response().service())
    names.insert(service.name());
  EXPECT_EQ(names,
            (std::set<std::string>{"grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection",
                                   "grpc.reflection.v1alpha.ServerReflection",
                                   "mcpbridge.v1.CompletionService", "mcpbridge.v1.PromptService",
                                   "mcpbridge.v1.ResourceService", "mcpbridge.v1.SessionService",
                                   "mcpbridge.v1.ToolService", "model_context_protocol.Mcp"}));
  EXPECT_TRUE(this->stream_->WritesDone());
  EXPECT_TRUE(this->stream_->Finish().ok());
}

TYPED_TEST(ReflectionTest, SymbolsOfEveryKindAreFoundAndEachFileIsSentOnce) {
  using Names = std::multiset<std::string>;
  const std::string own = "mcpbridge/v1/tool_service.proto";
  this->Open();
  const auto first = this->AskSymbol("mcpbridge.v1.ToolService");
  EXPECT_EQ(first.valid_host(), "h");
  EXPECT_EQ(first.original_request().file_containing_symbol(), "mcpbridge.v1.ToolService");
  EXPECT_EQ(this->Names(first), (Names{own, "google/protobuf/struct.proto",
                                       "mcpbridge/v1/content.proto", "mcpbridge/v1/input.proto"}));
  for (const char* symbol : {"mcpbridge.v1.ToolService.CallTool", "mcpbridge.v1.Tool",
                             "mcpbridge.v1.Transport", "mcpbridge.v1.Tool.name"}) {
    EXPECT_EQ(this->Names(this->AskSymbol(symbol)), Names{own}) << symbol;
  }
}

TYPED_TEST(ReflectionTest, CommentsAreSent) {
  this->Open();
  for (const char* symbol : {"mcpbridge.v1.ToolService", "grpc.health.v1.Health"}) {
    const auto response = this->AskSymbol(symbol);
    google::protobuf::FileDescriptorProto file;
    ASSERT_TRUE(file.ParseFromString(response.file_descriptor_response().file_descriptor_proto(0)));
    int comments = 0;
    for (const auto& location : file.source_code_info().location()) {
      comments += location.has_leading_comments() ? 1 : 0;
    }
    EXPECT_GT(comments, 3) << symbol;
  }
}

TYPED_TEST(ReflectionTest, FilesExtensionsAndWhatIsNotThere) {
  this->Open();
  typename TypeParam::Request request;
  request.set_file_by_filename("grpc/health/v1/health.proto");
  EXPECT_EQ(this->Names(this->Ask(request)).count("grpc/health/v1/health.proto"), 1u);
  request.set_file_by_filename("no.proto");
  EXPECT_EQ(this->Ask(request).error_response().error_code(), grpc::NOT_FOUND);
  EXPECT_EQ(this->AskSymbol("no.Symbol").error_response().error_code(), grpc::NOT_FOUND);
  request.mutable_file_containing_extension()->set_containing_type("mcpbridge.v1.Tool");
  request.mutable_file_containing_extension()->set_extension_number(7);
  EXPECT_EQ(this->Ask(request).error_response().error_code(), grpc::NOT_FOUND);
  request.set_all_extension_numbers_of_type("no.Type");
  EXPECT_EQ(this->Ask(request).error_response().error_code(), grpc::NOT_FOUND);
  request.set_all_extension_numbers_of_type("mcpbridge.v1.Tool");
  const auto numbers = this->Ask(request).all_extension_numbers_response();
  EXPECT_EQ(numbers.base_type_name(), "mcpbridge.v1.Tool");
  EXPECT_EQ(numbers.extension_number_size(), 0);
  EXPECT_EQ(this->Ask({}).error_response().error_code(), grpc::INVALID_ARGUMENT);
}

TYPED_TEST(ReflectionTest, AnOpenStreamDoesNotHoldTheEndUp) {
  this->Open();
  this->AskSymbol("mcpbridge.v1.Tool");
  EXPECT_TRUE(this->bridge_.Stop(Deadline::After(10s)));
  typename TypeParam::Response response;
  EXPECT_FALSE(this->stream_->Read(&response));
  EXPECT_FALSE(this->stream_->Finish().ok());
}

TEST(ReflectionKeyTest, AKeyIsNeededWhereThereIsOne) {
  FakeMcpServer upstream;
  Config config = ConfigFor(upstream);
  config.master_key = "sk-test";
  GrpcBridge bridge(std::move(config));
  for (const bool with_key : {false, true}) {
    grpc::ClientContext context;
    if (with_key) context.AddMetadata("authorization", "Bearer sk-test");
    const auto stub = r1::ServerReflection::NewStub(bridge.channel());
    const auto stream = stub->ServerReflectionInfo(&context);
    r1::ServerReflectionRequest request;
    request.set_list_services("");
    stream->Write(request);
    r1::ServerReflectionResponse response;
    EXPECT_EQ(stream->Read(&response), with_key);
    stream->WritesDone();
    EXPECT_EQ(stream->Finish().error_code(), with_key ? grpc::OK : grpc::UNAUTHENTICATED);
  }
  grpc::ClientContext context;
  HealthCheckResponse response;
  EXPECT_TRUE(Health::NewStub(bridge.channel())->Check(&context, {}, &response).ok());
}

}  // namespace
}  // namespace mcpbridge

#include "server/frontend/grpc/grpc_frontend.h"

#include <fcntl.h>
#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

#include "server/frontend/listen.h"
#include "tests/fakes/temp_folder.h"
#include "tests/unit/grpc_fixture.h"

namespace mcpbridge {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

std::string ReasonOf(const grpc::Status& status) {
  google::rpc::Status details;
  google::rpc::ErrorInfo info;
  if (!details.ParseFromString(status.error_details()) || details.details_size() == 0 ||
      !details.details(0).UnpackTo(&info)) {
    return "no details: " + status.error_message();
  }
  return info.reason();
}

v1::CallToolRequest Echo(const std::string& text) {
  v1::CallToolRequest request;
  request.set_name("echo");
  (*request.mutable_arguments()->mutable_fields())["text"].set_string_value(text);
  return request;
}

class GrpcFrontendTest : public testing::Test {
 protected:
  grpc::Status Call(GrpcBridge& bridge, const v1::CallToolRequest& request,
                    v1::CallToolResponse* response = nullptr,
                    std::chrono::milliseconds timeout = 10s) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + timeout);
    v1::CallToolResponse ignored;
    return bridge.tools().CallTool(&context, request, response != nullptr ? response : &ignored);
  }

  FakeMcpServer upstream_;
};

TEST_F(GrpcFrontendTest, ACallIsAnsweredTyped) {
  GrpcBridge bridge(ConfigFor(upstream_));
  v1::CallToolResponse response;
  const grpc::Status status = Call(bridge, Echo("h\xc3\xa9llo"), &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  ASSERT_EQ(response.content_size(), 1);
  EXPECT_EQ(response.content(0).text().text(), "h\xc3\xa9llo");
  EXPECT_FALSE(response.is_error());
  EXPECT_EQ(response.result_json(), "");
}

TEST_F(GrpcFrontendTest, ExactJsonGoesInAndComesOut) {
  upstream_.OnTool("echo", {.result = R"({"content":[],  "n":9007199254740993,"isError":true})"});
  GrpcBridge bridge(ConfigFor(upstream_));
  v1::CallToolRequest request;
  request.set_server("fake");
  request.set_name("echo");
  request.set_arguments_json(R"({"n": 9007199254740993})");
  request.set_result_format(v1::RESULT_FORMAT_JSON);
  v1::CallToolResponse response;
  const grpc::Status status = Call(bridge, request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.result_json(), R"({"content":[],  "n":9007199254740993,"isError":true})");
  EXPECT_TRUE(response.is_error());
  EXPECT_NE(upstream_.Snapshot().LastCall().body.find(R"("arguments":{"n": 9007199254740993})"),
            std::string::npos);
}

TEST_F(GrpcFrontendTest, BadRequestsAreRefusedWithTheirReason) {
  GrpcBridge bridge(ConfigFor(upstream_));
  bridge.WaitForTools();  // before that an unknown tool is for the server to refuse
  v1::CallToolRequest request = Echo("x");
  request.set_server("other");
  EXPECT_EQ(ReasonOf(Call(bridge, request)), "SERVER_NOT_FOUND");
  request = Echo("x");
  request.set_name("no_such_tool");
  const grpc::Status unknown = Call(bridge, request);
  EXPECT_EQ(ReasonOf(unknown), "TOOL_NOT_FOUND");
  EXPECT_EQ(unknown.error_code(), grpc::NOT_FOUND);
  request = Echo("x");
  request.set_name("");
  EXPECT_EQ(ReasonOf(Call(bridge, request)), "INVALID_ARGUMENTS");
  for (const char* bad : {"", "[]", "{", "{\"a\":nope}", "7"}) {
    request = Echo("x");
    request.set_arguments_json(bad);
    EXPECT_EQ(ReasonOf(Call(bridge, request)), "INVALID_ARGUMENTS") << bad;
  }
  request = Echo("x");
  (*request.mutable_arguments()->mutable_fields())["n"].set_number_value(std::nan(""));
  EXPECT_EQ(ReasonOf(Call(bridge, request)), "INVALID_ARGUMENTS");
  EXPECT_EQ(upstream_.Snapshot().Count("tools/call"), 0u);
}

TEST_F(GrpcFrontendTest, WhatTheServerSaysWrongIsToldApart) {
  GrpcBridge bridge(ConfigFor(upstream_));
  upstream_.OnTool("echo", {.error = R"({"code":-32602,"message":"bad","data":{"a":1}})"});
  const grpc::Status status = Call(bridge, Echo("x"));
  EXPECT_EQ(status.error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_EQ(ReasonOf(status), "UPSTREAM_ERROR");
  upstream_.OnTool("echo", {.result = R"({"content":7})"});
  EXPECT_EQ(ReasonOf(Call(bridge, Echo("x"))), "UPSTREAM_PROTOCOL");
}

TEST_F(GrpcFrontendTest, AKeyIsNeededWhereThereIsOne) {
  Config config = ConfigFor(upstream_);
  config.master_key = "sk-test";
  GrpcBridge bridge(std::move(config));
  EXPECT_EQ(Call(bridge, Echo("x")).error_code(), grpc::UNAUTHENTICATED);
  for (const auto& [header, value, code] :
       {std::tuple("authorization", "Bearer sk-test", grpc::OK),
        std::tuple("x-litellm-api-key", "sk-test", grpc::OK),
        std::tuple("authorization", "Bearer sk-tes", grpc::UNAUTHENTICATED)}) {
    grpc::ClientContext context;
    context.AddMetadata(header, value);
    v1::CallToolResponse response;
    const grpc::Status status = bridge.tools().CallTool(&context, Echo("x"), &response);
    EXPECT_EQ(status.error_code(), code) << header << ": " << value;
  }
}

TEST_F(GrpcFrontendTest, ACancelEndsOneCallAndNoOther) {
  upstream_.SetScript(
      [](const FakeRequest& request) { return FakeAnswer{.hold = request.tool == "slow"}; });
  GrpcBridge bridge(ConfigFor(upstream_));
  const auto slow = [&](grpc::ClientContext& context, grpc::Status& status) {
    v1::CallToolRequest request;
    request.set_name("slow");
    v1::CallToolResponse response;
    status = bridge.tools().CallTool(&context, request, &response);
  };
  grpc::ClientContext first, second;
  grpc::Status first_status, second_status;
  std::thread first_thread([&] { slow(first, first_status); });
  ASSERT_TRUE(upstream_.WaitFor([](const auto& record) { return record.held.size() == 1; }));
  std::thread second_thread([&] { slow(second, second_status); });
  ASSERT_TRUE(upstream_.WaitFor([](const auto& record) { return record.held.size() == 2; }));
  first.TryCancel();
  first_thread.join();
  EXPECT_EQ(first_status.error_code(), grpc::CANCELLED);
  ASSERT_TRUE(upstream_.WaitFor([](const auto& record) { return record.cancels.size() == 1; }));
  upstream_.ReleaseAll();
  second_thread.join();
  EXPECT_TRUE(second_status.ok()) << second_status.error_message();
  const FakeMcpServer::Record record = upstream_.Snapshot();
  EXPECT_EQ(record.cancels.size(), 1u);
  EXPECT_EQ(record.sessions_opened, 1);
}

TEST_F(GrpcFrontendTest, ADeadlineEndsAHungCallInTime) {
  upstream_.OnTool("slow", {.never = true});
  GrpcBridge bridge(ConfigFor(upstream_));
  ASSERT_TRUE(Call(bridge, Echo("warm")).ok());
  v1::CallToolRequest request;
  request.set_name("slow");
  const auto begin = steady_clock::now();
  const grpc::Status status = Call(bridge, request, nullptr, 2s);
  const auto took = steady_clock::now() - begin;
  EXPECT_EQ(status.error_code(), grpc::DEADLINE_EXCEEDED);
  EXPECT_GE(took, 1990ms);
  EXPECT_LT(took, 6s);
  EXPECT_TRUE(upstream_.WaitFor([](const auto& record) { return record.cancels.size() == 1; }));
}

TEST_F(GrpcFrontendTest, TheServersTimeoutEndsACallWithoutADeadline) {
  upstream_.OnTool("slow", {.never = true});
  Config config = ConfigFor(upstream_);
  config.servers[0].timeout = 100ms;
  GrpcBridge bridge(std::move(config));
  v1::CallToolRequest request;
  request.set_name("slow");
  grpc::ClientContext context;
  v1::CallToolResponse response;
  const grpc::Status status = bridge.tools().CallTool(&context, request, &response);
  EXPECT_EQ(status.error_code(), grpc::DEADLINE_EXCEEDED);
  EXPECT_EQ(ReasonOf(status), "DEADLINE_EXCEEDED");
}

TEST_F(GrpcFrontendTest, MoreCallsThanAreArmedAtOnce) {
  GrpcBridge bridge(ConfigFor(upstream_));  // arms 2
  constexpr int kThreads = 16;
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 10; ++i) {
        const std::string text = std::to_string(t) + '/' + std::to_string(i);
        v1::CallToolResponse response;
        const grpc::Status status = Call(bridge, Echo(text), &response);
        if (status.ok() && response.content(0).text().text() == text) ++right;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, kThreads * 10);
}

TEST_F(GrpcFrontendTest, PastTheLimitACallIsRefusedAtOnce) {
  upstream_.OnTool("slow", {.hold = true});
  Config config = ConfigFor(upstream_);
  config.bridge.limits.in_flight_calls = 1;
  GrpcBridge bridge(std::move(config));
  std::thread holder([&] {
    v1::CallToolRequest request;
    request.set_name("slow");
    EXPECT_TRUE(Call(bridge, request).ok());
  });
  ASSERT_TRUE(upstream_.WaitFor([](const auto& record) { return record.held.size() == 1; }));
  const grpc::Status status = Call(bridge, Echo("x"));
  EXPECT_EQ(status.error_code(), grpc::RESOURCE_EXHAUSTED);
  EXPECT_EQ(ReasonOf(status), "OVERLOADED");
  upstream_.ReleaseAll();
  holder.join();
}

TEST_F(GrpcFrontendTest, ARequestThatIsTooLargeOrNoRequestAtAllHurtsNobody) {
  Config config = ConfigFor(upstream_);
  config.bridge.limits.request_bytes = 10'000;
  GrpcBridge bridge(std::move(config));
  for (int i = 0; i < 5; ++i) {  // more often than calls are armed
    EXPECT_EQ(Call(bridge, Echo(std::string(20'000, 'x'))).error_code(), grpc::RESOURCE_EXHAUSTED);
    v1::CallToolRequest malformed;
    malformed.set_name("\xff");  // protobuf's readers refuse it
    EXPECT_EQ(Call(bridge, malformed).error_code(), grpc::INTERNAL);
  }
  EXPECT_TRUE(Call(bridge, Echo("x")).ok());
}

TEST_F(GrpcFrontendTest, LargeResultsArrive) {
  const std::string text(6 << 20, 'x');
  upstream_.OnTool("echo", {.result = R"({"content":[{"type":"text","text":")" + text + "\"}]}"});
  GrpcBridge bridge(ConfigFor(upstream_));
  v1::CallToolResponse response;
  ASSERT_TRUE(Call(bridge, Echo("x"), &response).ok());
  EXPECT_EQ(response.content(0).text().text(), text);
}

TEST_F(GrpcFrontendTest, ToolsAreListedInPages) {
  GrpcBridge bridge(ConfigFor(upstream_));
  v1::ListToolsRequest request;
  request.set_page_size(1);
  std::vector<std::string> names;
  do {
    grpc::ClientContext context;
    v1::ListToolsResponse response;
    const grpc::Status status = bridge.tools().ListTools(&context, request, &response);
    ASSERT_TRUE(status.ok()) << status.error_message();
    ASSERT_EQ(response.tools_size(), 1);
    EXPECT_EQ(response.tools(0).server(), "fake");
    EXPECT_EQ(response.tools(0).input_schema_json().front(), '{');
    names.push_back(response.tools(0).name());
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  EXPECT_EQ(names, (std::vector<std::string>{"echo", "slow"}));
  for (const auto& [token, server, reason] : {std::tuple("nonsense", "", "INVALID_ARGUMENTS"),
                                              std::tuple("", "other", "SERVER_NOT_FOUND")}) {
    grpc::ClientContext context;
    request.set_page_token(token);
    request.set_server(server);
    v1::ListToolsResponse response;
    EXPECT_EQ(ReasonOf(bridge.tools().ListTools(&context, request, &response)), reason);
  }
}

TEST_F(GrpcFrontendTest, AListThatNobodyWaitsForAnyMore) {
  upstream_.SetScript([](const FakeRequest& request) {
    return FakeAnswer{.never = request.method == "tools/list"};
  });
  GrpcBridge bridge(ConfigFor(upstream_));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + 100ms);
  v1::ListToolsResponse response;
  const grpc::Status status = bridge.tools().ListTools(&context, {}, &response);
  EXPECT_EQ(status.error_code(), grpc::DEADLINE_EXCEEDED);
}

TEST_F(GrpcFrontendTest, ServersAreListed) {
  GrpcBridge bridge(ConfigFor(upstream_));
  ASSERT_TRUE(Call(bridge, Echo("x")).ok());
  grpc::ClientContext context;
  v1::ListServersResponse response;
  ASSERT_TRUE(bridge.tools().ListServers(&context, {}, &response).ok());
  ASSERT_EQ(response.servers_size(), 1);
  EXPECT_EQ(response.servers(0).name(), "fake");
  EXPECT_EQ(response.servers(0).description(), "a fake");
  EXPECT_EQ(response.servers(0).transport(), v1::TRANSPORT_HTTP);
  EXPECT_EQ(response.servers(0).health(), v1::HEALTH_SERVING);
  EXPECT_EQ(response.servers(0).protocol_version(), "2025-11-25");
}

TEST_F(GrpcFrontendTest, ShutdownCancelsWhatDoesNotEndInTime) {
  upstream_.OnTool("slow", {.never = true});
  GrpcBridge bridge(ConfigFor(upstream_));
  std::vector<std::thread> callers;
  for (int i = 0; i < 4; ++i) {
    callers.emplace_back([&] {
      v1::CallToolRequest request;
      request.set_name("slow");
      const grpc::Status status = Call(bridge, request);
      EXPECT_TRUE(status.error_code() == grpc::CANCELLED ||
                  status.error_code() == grpc::UNAVAILABLE)
          << status.error_code() << status.error_message();
    });
  }
  ASSERT_TRUE(upstream_.WaitFor([](const auto& record) { return record.CountCalls("slow") == 4; }));
  EXPECT_TRUE(bridge.Stop(Deadline::After(50ms)));
  for (std::thread& caller : callers) caller.join();
  EXPECT_TRUE(upstream_.WaitFor([](const auto& record) { return record.cancels.size() == 4; }));
}

TEST_F(GrpcFrontendTest, ShutdownLetsACallFinish) {
  upstream_.OnTool("slow", {.hold = true});
  GrpcBridge bridge(ConfigFor(upstream_));
  std::thread caller([&] {
    v1::CallToolRequest request;
    request.set_name("slow");
    EXPECT_TRUE(Call(bridge, request).ok());
  });
  ASSERT_TRUE(upstream_.WaitFor([](const auto& record) { return record.held.size() == 1; }));
  std::thread stopper([&] { EXPECT_TRUE(bridge.Stop(Deadline::After(10s))); });
  upstream_.ReleaseAll();
  caller.join();
  stopper.join();
}

TEST_F(GrpcFrontendTest, AnAddressThatIsTakenIsAnError) {
  GrpcBridge bridge(ConfigFor(upstream_));
  Config config = ConfigFor(upstream_);
  const std::string& address = bridge.address();
  config.bridge.grpc_listen.port =
      static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
  Executor executor({.lanes = 1});
  StatusBoard status({"fake"});
  Router router(config, executor);
  UpstreamPool pool(config, executor, router, status);
  Observer observer(executor, AccessLog::Format::kOff);
  ToolService service(config, executor, pool, router, status, observer);
  ClientSessions sessions(service);
  GrpcFrontend frontend(service, sessions, executor, status);
  const Result<std::string> second = frontend.Start();
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().message, "can't listen for gRPC on " + address +
                                        ": the address is already in use by another process "
                                        "(bridge.grpc_listen, --grpc_listen)");
}

class UnixSocketTest : public GrpcFrontendTest {
 protected:
  UnixSocketTest() {
    config_ = ConfigFor(upstream_);
    config_.bridge.grpc_listen = {.host = {}, .port = 0, .unix_path = path()};
  }
  std::string path() const { return folder_.path() + "/b.sock"; }

  // A socket file with nobody behind it, as a killed process leaves it.
  void LeaveSocket() const {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path().c_str(), sizeof(address.sun_path) - 1);
    ASSERT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    ::close(fd);
  }

  const TempFolder folder_;
  Config config_;
};

TEST_F(UnixSocketTest, ALeftoverIsReplacedAndNobodyElseMayConnect) {
  LeaveSocket();
  GrpcBridge bridge(config_);
  EXPECT_EQ(bridge.address(), "unix:" + path());
  struct stat info {};
  ASSERT_EQ(::stat(path().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  EXPECT_TRUE(Call(bridge, Echo("x")).ok());
}

TEST_F(UnixSocketTest, AFileThatIsNoSocketIsLeftAlone) {
  const int fd = ::open(path().c_str(), O_CREAT | O_WRONLY, 0600);
  ASSERT_GE(fd, 0);
  ::close(fd);
  EXPECT_NE(PrepareToListen(config_.bridge.grpc_listen)->message.find("not a socket"),
            std::string::npos);
  config_.bridge.grpc_listen.unix_path = folder_.path() + "/no/such/folder.sock";
  EXPECT_EQ(PrepareToListen(config_.bridge.grpc_listen)->message, "No such file or directory");
}

TEST_F(UnixSocketTest, ASocketInUseIsLeftAlone) {
  GrpcBridge bridge(config_);
  Executor executor({.lanes = 1});
  StatusBoard status({"fake"});
  Router router(config_, executor);
  UpstreamPool pool(config_, executor, router, status);
  Observer observer(executor, AccessLog::Format::kOff);
  ToolService service(config_, executor, pool, router, status, observer);
  ClientSessions sessions(service);
  GrpcFrontend frontend(service, sessions, executor, status);
  const Result<std::string> second = frontend.Start();
  ASSERT_FALSE(second.has_value());
  EXPECT_NE(second.error().message.find("another process listens there"), std::string::npos);
  EXPECT_TRUE(Call(bridge, Echo("x")).ok());
}

}  // namespace
}  // namespace mcpbridge

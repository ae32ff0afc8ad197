// Deadlines, the start, the stop, and the threads.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <thread>

#include "tests/fakes/fake_mcp_server.h"
#include "tests/fakes/test_http.h"
#include "tests/integration/bridge_fixture.h"

namespace mcpbridge::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

FakeAnswer Hung() {
  FakeAnswer answer;
  answer.never = true;
  return answer;
}

// How late a call with a deadline of 100 ms comes back.
milliseconds LatenessOverHttp(Bridge& bridge) {
  TestHttpClient client(bridge.http_port());
  const auto begin = steady_clock::now();
  const TestResponse response =
      client.Post(CallMessage("1", "echo", "x"), {{"grpc-timeout", "100m"}});
  EXPECT_EQ(ReasonOf(response.body), "DEADLINE_EXCEEDED") << response.body;
  EXPECT_NE(response.body.find("-32001"), std::string::npos);
  return std::chrono::duration_cast<milliseconds>(steady_clock::now() - begin) - milliseconds(100);
}

milliseconds LatenessOverGrpc(v1::ToolService::Stub& stub) {
  grpc::ClientContext context;
  v1::CallToolRequest request;
  request.set_name("echo");
  v1::CallToolResponse response;
  const auto begin = steady_clock::now();
  context.set_deadline(std::chrono::system_clock::now() + milliseconds(100));
  const grpc::Status status = stub.CallTool(&context, request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED) << status.error_message();
  return std::chrono::duration_cast<milliseconds>(steady_clock::now() - begin) - milliseconds(100);
}

TEST(DeadlineTest, AHungServerDelaysNoDeadline) {
  FakeMcpServer upstream;
  upstream.OnTool("echo", Hung());
  Bridge bridge(ConfigWith({{"fake", upstream.url()}}));
  ASSERT_TRUE(bridge.WaitForTools("fake"));
  auto stub = bridge.Stub();
  // The best of ten: a machine that is busy elsewhere makes any single one late.
  milliseconds http = milliseconds::max();
  milliseconds grpc = milliseconds::max();
  for (int i = 0; i < 10; ++i) {
    http = std::min(http, LatenessOverHttp(bridge));
    grpc = std::min(grpc, LatenessOverGrpc(*stub));
  }
  EXPECT_LE(http, milliseconds(20));
  EXPECT_LE(grpc, milliseconds(20));
  // On a slow machine a call's time can be over before it has reached the server at all.
  EXPECT_TRUE(upstream.WaitFor(
      [](const auto& record) {
        return record.CountCalls("echo") > 0 && record.cancels.size() == record.CountCalls("echo");
      },
      kPatience));
}

TEST(DeadlineTest, TheServersTimeoutBoundsACallerWithoutOne) {
  FakeMcpServer upstream;
  upstream.OnTool("echo", Hung());
  Config config = ConfigWith({{"fake", upstream.url()}});
  config.servers[0].timeout = milliseconds(50);
  Bridge bridge(config);
  ASSERT_TRUE(bridge.WaitForTools("fake"));
  EXPECT_EQ(ReasonOf(TestHttpClient(bridge.http_port()).Post(CallMessage("1", "echo", "x")).body),
            "DEADLINE_EXCEEDED");
  EXPECT_TRUE(
      upstream.WaitFor([](const auto& record) { return record.cancels.size() == 1; }, kPatience));
}

TEST(DeadlineTest, ItAlsoEndsAWaitForASession) {
  FakeMcpServer upstream;
  upstream.SetScript([](const FakeRequest&) { return Hung(); });  // initialize as well
  Bridge bridge(ConfigWith({{"fake", upstream.url()}}));
  EXPECT_LT(LatenessOverHttp(bridge), kPatience);
  EXPECT_EQ(upstream.Snapshot().cancels.size(), 0u) << "nothing of the call had been sent";
}

TEST(StopTest, CallsUnderWayFinishAndNewOnesAreRefused) {
  FakeMcpServer upstream;
  FakeAnswer held;
  held.hold = true;
  upstream.OnTool("echo", held);
  Bridge bridge(ConfigWith({{"fake", upstream.url()}}));
  ASSERT_TRUE(bridge.WaitForTools("fake"));
  TestHttpClient client(bridge.http_port());
  client.Send(CallMessage("1", "echo", "hello"));
  ASSERT_TRUE(
      upstream.WaitFor([](const auto& record) { return record.held.size() == 1; }, kPatience));
  auto stub = bridge.Stub();
  TestHttpClient late(bridge.http_port());
  EXPECT_EQ(late.Post(R"({"jsonrpc":"2.0","id":1,"method":"ping"})").status, 200);

  std::thread stopper([&] { bridge.app().Stop("test"); });
  // The stop waits for the call: it is on its way once the gate is closed.
  while (bridge.app().service().Enter() == std::nullopt) {
    bridge.app().service().Leave();
    std::this_thread::yield();
  }
  v1::CallToolRequest request;
  request.set_name("echo");
  v1::CallToolResponse response;
  grpc::ClientContext context;
  EXPECT_EQ(stub->CallTool(&context, request, &response).error_code(),
            grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(upstream.ReleaseAll(), 1u);
  const TestResponse answer = client.Receive();
  EXPECT_NE(answer.body.find("\"hello\""), std::string::npos);
  EXPECT_EQ(answer.headers.at("connection"), "close");
  stopper.join();
  EXPECT_EQ(upstream.Snapshot().Count("DELETE"), 1u) << "the session is closed with the bridge";
}

TEST(StopTest, HungCallsAreCancelledAfterTheGrace) {
  FakeMcpServer upstream;
  upstream.OnTool("echo", Hung());
  FakeAnswer hung_stream = Hung();
  hung_stream.form = FakeAnswer::Form::kSse;
  upstream.OnTool("slow", hung_stream);
  Config config = ConfigWith({{"fake", upstream.url()}});
  config.bridge.drain_grace = milliseconds(100);
  Bridge bridge(config);
  ASSERT_TRUE(bridge.WaitForTools("fake"));
  TestHttpClient json(bridge.http_port());
  TestHttpClient stream(bridge.http_port());
  json.Send(CallMessage("1", "echo", "x"));
  stream.Send(CallMessage("1", "slow", "x"));
  auto stub = bridge.Stub();
  grpc::Status status;
  std::thread caller([&] {
    grpc::ClientContext context;
    v1::CallToolRequest request;
    request.set_name("echo");
    v1::CallToolResponse response;
    status = stub->CallTool(&context, request, &response);
  });
  ASSERT_TRUE(upstream.WaitFor(
      [](const auto& record) {
        return record.CountCalls("echo") == 2 && record.CountCalls("slow") == 1;
      },
      kPatience));
  const auto begin = steady_clock::now();
  bridge.app().Stop("test");
  EXPECT_LT(steady_clock::now() - begin, kPatience);
  caller.join();
  EXPECT_FALSE(status.ok());
  EXPECT_FALSE(json.Receive().complete);
}

TEST(StopTest, WhileItIsStillConnecting) {
  FakeMcpServer upstream;
  upstream.SetScript([](const FakeRequest&) { return Hung(); });
  Config config = ConfigWith({{"fake", upstream.url()}});
  config.bridge.drain_grace = milliseconds(100);
  Bridge bridge(config);
  TestHttpClient client(bridge.http_port());
  client.Send(CallMessage("1", "echo", "x"));
  ASSERT_TRUE(upstream.WaitFor([](const auto& record) { return record.Count("initialize") == 1; },
                               kPatience));
  const auto begin = steady_clock::now();
  bridge.app().Stop("test");
  EXPECT_LT(steady_clock::now() - begin, kPatience);
}

TEST(StopTest, RightAfterTheStart) {
  FakeMcpServer upstream;
  for (int i = 0; i < 5; ++i) {
    Bridge bridge(ConfigWith({{"fake", upstream.url()}}));
    bridge.app().Stop("at once");
  }
}

TEST(StartTest, AnAddressInUseIsAnErrorThatNamesIt) {
  FakeMcpServer upstream;
  Config config = ConfigWith({{"fake", upstream.url()}});
  config.bridge.http_listen.port = upstream.port();
  Executor executor({.lanes = 1});
  App app(config, executor);
  const auto started = app.Start();
  ASSERT_FALSE(started);
  EXPECT_NE(started.error().message.find(std::to_string(upstream.port())), std::string::npos)
      << started.error().message;
}

// What gRPC 1.51 itself starts in a process that has a server, whatever the application does.
bool IsGrpcsOwn(const std::string& name) {
  for (const char* own :
       {"default-executo", "resolver-execut", "grpc_global_tim", "event_engine", "timer_manager"}) {
    if (name == own) return true;
  }
  return false;
}

TEST(ThreadTest, ThereAreNoneButTheExecutorsMainAndGrpcsOwn) {
  FakeMcpServer upstream;
  std::map<std::string, int> before;
  const auto count = [] {
    std::map<std::string, int> names;
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
      std::ifstream file(task.path() / "comm");
      std::string name;
      std::getline(file, name);
      ++names[name];
    }
    return names;
  };
  before = count();
  Config config =
      ConfigWith({{"fake", "http://localhost:" + std::to_string(upstream.port()) + "/mcp"}});
  Bridge bridge(config);
  ASSERT_TRUE(bridge.WaitForTools("fake"));
  for (int i = 0; i < 20; ++i) {
    TestHttpClient(bridge.http_port()).Post(CallMessage("1", "echo", "x"));
  }
  int ours = 0;
  for (const auto& [name, threads] : count()) {
    const int more = threads - (before.count(name) != 0 ? before.at(name) : 0);
    if (more <= 0 || IsGrpcsOwn(name)) continue;
    EXPECT_TRUE(name.starts_with("lane/") || name.starts_with("pump/") || name == "blocking")
        << "a hidden thread: " << name;
    ours += more;
  }
  EXPECT_EQ(ours, bridge.thread_count());
}

}  // namespace
}  // namespace mcpbridge::test

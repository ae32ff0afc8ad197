// A bridge that goes on with another configuration: what is under way, whose process lives on, what
// clients and watchers are told.

#include <grpc/health/v1/health.grpc.pb.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/fakes/eventually.h"
#include "tests/fakes/fake_mcp_server.h"
#include "tests/fakes/test_http.h"
#include "tests/integration/bridge_fixture.h"

namespace mcpbridge::test {
namespace {

using Headers = TestHttpClient::Headers;
using HealthStatus = grpc::health::v1::HealthCheckResponse;

ServerConfig* Find(Config& config, const std::string& name) {
  const auto found = std::ranges::find(config.servers, name, &ServerConfig::name);
  return found == config.servers.end() ? nullptr : &*found;
}

Config With(Config config, ServerConfig server) {
  config.servers.push_back(std::move(server));
  std::ranges::sort(config.servers, {}, &ServerConfig::name);
  return config;
}

Config Without(Config config, const std::string& name) {
  std::erase_if(config.servers, [&](const auto& server) { return server.name == name; });
  return config;
}

ServerConfig Http(const std::string& name, const std::string& url) {
  ServerConfig server;
  server.name = name;
  server.url = url;
  return server;
}

ServerConfig Stdio(const std::string& name) {
  ServerConfig server;
  server.name = name;
  server.transport = TransportKind::kStdio;
  server.command = MCP_DEMO_SERVER;
  return server;
}

std::vector<pid_t> Children() {
  std::vector<pid_t> children;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream file(task.path() / "children");
    for (pid_t child = 0; file >> child;) children.push_back(child);
  }
  std::ranges::sort(children);
  return children;
}

std::string Call(const Bridge& bridge, const std::string& tool, const std::string& text,
                 const Headers& headers = {}) {
  return TestHttpClient(bridge.http_port()).Post(CallMessage("1", tool, text), headers).body;
}

std::string Open(const Bridge& bridge, const std::string& path = "/mcp",
                 const std::string& capabilities = "{}") {
  return TestHttpClient(bridge.http_port())
      .Request(
          "POST", path,
          R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":)" +
              capabilities + R"(,"clientInfo":{"name":"t","version":"1"}}})",
          {{"Content-Type", "application/json"}, {"Accept", "application/json, text/event-stream"}})
      .headers["mcp-session-id"];
}

FakeAnswer Held() {
  FakeAnswer answer;
  answer.hold = true;
  return answer;
}

// No server of a configuration before is left.
bool IsTidy(Bridge& bridge) {
  return Eventually(
      [&] { return bridge.app().pool().server_count() == bridge.app().config().server_count(); });
}

class ReloadTest : public testing::Test {
 protected:
  void SetUp() override {
    a_.AnswerWith("a: ");
    b_.AnswerWith("b: ");
    bridge_ = std::make_unique<Bridge>(config_);
    ASSERT_TRUE(bridge_->WaitForTools("a"));
  }
  // Goes on with `config`; what has changed.
  std::string Reload(const Config& config) {
    const Result<std::string> changes = bridge_->app().Reload(config);
    EXPECT_TRUE(changes) << (changes ? "" : changes.error().message);
    return changes ? *changes : "";
  }

  FakeMcpServer a_;
  FakeMcpServer b_;
  const Config config_ = ConfigWith({{"a", a_.url()}});
  std::unique_ptr<Bridge> bridge_;
};

TEST_F(ReloadTest, ACallUnderWayFinishesWhereItBeganWhileNewOnesGoToTheNewServer) {
  a_.OnTool("slow", Held());
  TestHttpClient caller(bridge_->http_port());
  caller.Send(CallMessage("1", "slow", "begun before"));
  ASSERT_TRUE(a_.WaitFor([](const auto& record) { return record.held.size() == 1; }, kPatience));

  EXPECT_EQ(Reload(ConfigWith({{"a", b_.url()}})), "1 changed (a), 0 kept");
  EXPECT_TRUE(Has(Call(*bridge_, "echo", "new"), "b: new"));
  EXPECT_EQ(bridge_->app().pool().server_count(), 2u) << "the old one has a call";
  const auto before = a_.Snapshot();
  EXPECT_TRUE(before.cancels.empty());

  EXPECT_EQ(a_.ReleaseAll(), 1u);
  EXPECT_TRUE(Has(caller.Receive().body, "begun before"));
  EXPECT_TRUE(IsTidy(*bridge_));
  EXPECT_TRUE(a_.WaitFor([](const auto& record) { return record.Count("DELETE") == 1; }, kPatience))
      << "its session is ended in order";
}

TEST_F(ReloadTest, ACallUnderWayAtARemovedServerFinishes) {
  ASSERT_EQ(Reload(With(config_, Http("b", b_.url()))), "1 added (b), 1 kept");
  ASSERT_TRUE(bridge_->WaitForTools("b"));
  b_.OnTool("slow", Held());
  TestHttpClient caller(bridge_->http_port());
  caller.Send(CallMessage("1", "b-slow", "last"));
  ASSERT_TRUE(b_.WaitFor([](const auto& record) { return record.held.size() == 1; }, kPatience));

  EXPECT_EQ(Reload(config_), "1 removed (b), 1 kept");
  EXPECT_EQ(TestHttpClient(bridge_->http_port())
                .Request("POST", "/mcp/b", CallMessage("1", "echo", "x"),
                         {{"Content-Type", "application/json"},
                          {"Accept", "application/json, text/event-stream"}})
                .status,
            404);
  EXPECT_EQ(b_.ReleaseAll(), 1u);
  EXPECT_TRUE(Has(caller.Receive().body, "last"));
  EXPECT_TRUE(IsTidy(*bridge_));
  // It may come back, to its place.
  EXPECT_EQ(Reload(With(config_, Http("b", b_.url()))), "1 added (b), 1 kept");
  EXPECT_TRUE(Has(Call(*bridge_, "b-echo", "again"), "b: again"));
}

TEST_F(ReloadTest, ListsAreInTheOrderOfNamesHoweverTheServersCame) {
  FakeMcpServer early;
  Reload(With(config_, Http("A", early.url())));
  ASSERT_TRUE(bridge_->WaitForTools("A"));
  const std::string body = TestHttpClient(bridge_->http_port())
                               .Post(R"({"jsonrpc":"2.0","id":1,"method":"tools/list"})")
                               .body;
  const std::size_t first = body.find("\"A-echo\"");
  ASSERT_NE(first, std::string::npos) << body;
  EXPECT_LT(first, body.find("\"a-echo\"")) << body;
  grpc::ClientContext context;
  v1::ListServersResponse servers;
  ASSERT_TRUE(bridge_->Stub()->ListServers(&context, {}, &servers).ok());
  ASSERT_EQ(servers.servers_size(), 2);
  EXPECT_EQ(servers.servers(0).name(), "A");
}

TEST_F(ReloadTest, AProcessThatIsConfiguredAsBeforeLivesOn) {
  const Config with_child = With(config_, Stdio("child"));
  Reload(with_child);
  ASSERT_TRUE(bridge_->WaitForTools("child"));
  const std::vector<pid_t> before = Children();
  ASSERT_EQ(before.size(), 1u);

  // Another server, another time-out, another list of tools: none of it is the process's affair.
  Config other = With(with_child, Http("b", b_.url()));
  Find(other, "child")->timeout = std::chrono::seconds(7);
  Find(other, "child")->disallowed_tools = {"sleep"};
  EXPECT_EQ(Reload(other), "1 added (b), 1 adjusted (child), 1 kept");
  EXPECT_TRUE(Has(Call(*bridge_, "child-echo", "still here"), "still here"));
  EXPECT_EQ(ReasonOf(Call(*bridge_, "child-sleep", "x")), "TOOL_NOT_ALLOWED");
  EXPECT_EQ(Children(), before);

  Find(other, "child")->env = {{"SOMETHING", "else"}};
  EXPECT_EQ(Reload(other), "1 changed (child), 2 kept");
  EXPECT_TRUE(Has(Call(*bridge_, "child-echo", "anew"), "anew"));
  ASSERT_TRUE(Eventually([&] { return Children().size() == 1; })) << "the old one has ended";
  EXPECT_NE(Children(), before);
}

TEST_F(ReloadTest, AClientsSessionGoesOnAndItIsToldThatListsHaveChanged) {
  const std::string session = Open(*bridge_);
  ASSERT_FALSE(session.empty());
  TestEventStream stream(bridge_->http_port(), {{"mcp-session-id", session}});
  ASSERT_EQ(stream.status(), 200);
  EXPECT_TRUE(Has(Call(*bridge_, "echo", "1", {{"mcp-session-id", session}}), "a: 1"));
  const std::string own = a_.Snapshot().LastCall().Header("mcp-session-id");

  // What doesn't concern the server of its session leaves that as it is.
  Reload(With(config_, Http("b", b_.url())));
  ASSERT_TRUE(bridge_->WaitForTools("b"));
  EXPECT_TRUE(Has(Call(*bridge_, "a-echo", "2", {{"mcp-session-id", session}}), "a: 2"));
  EXPECT_EQ(a_.Snapshot().LastCall().Header("mcp-session-id"), own);
  bool told = false;
  while (!told) {
    const auto event = stream.Next();
    ASSERT_TRUE(event);
    told = Has(event->data, "notifications/tools/list_changed");
  }

  FakeMcpServer c;
  c.AnswerWith("c: ");
  Reload(With(Without(config_, "a"), Http("a", c.url())));
  EXPECT_TRUE(Has(Call(*bridge_, "echo", "3", {{"mcp-session-id", session}}), "c: 3"));
  EXPECT_NE(c.Snapshot().LastCall().Header("mcp-session-id"), "");
  EXPECT_TRUE(IsTidy(*bridge_)) << "nothing of the session's holds the server before";
}

TEST_F(ReloadTest, WhatAClientHasSubscribedToItIsSubscribedToAtTheServerInItsPlace) {
  const auto with_resources = [](const FakeRequest& request) {
    FakeAnswer answer;
    if (request.http_method == "GET") {
      answer.form = FakeAnswer::Form::kSse;
      answer.hold = true;
    }
    return answer;
  };
  FakeMcpServer::Options options;
  options.resources = R"([{"uri":"x:1","name":"one"}])";
  options.subscribe = true;
  FakeMcpServer first(options);
  FakeMcpServer second(options);
  first.SetScript(with_resources);
  second.SetScript(with_resources);
  Reload(ConfigWith({{"r", first.url()}}));
  ASSERT_TRUE(bridge_->WaitForTools("r"));
  const std::string session = Open(*bridge_);
  TestEventStream stream(bridge_->http_port(), {{"mcp-session-id", session}});
  ASSERT_EQ(stream.status(), 200);
  const std::string subscribed =
      TestHttpClient(bridge_->http_port())
          .Post(R"({"jsonrpc":"2.0","id":1,"method":"resources/subscribe","params":{"uri":"x:1"}})",
                {{"mcp-session-id", session}})
          .body;
  ASSERT_TRUE(Has(subscribed, "\"result\"")) << subscribed;

  Reload(ConfigWith({{"r", second.url()}}));
  ASSERT_TRUE(second.WaitFor(
      [](const auto& record) { return record.Count("resources/subscribe") == 1; }, kPatience));
  bool told = false;
  while (!told) {
    const auto event = stream.Next();
    ASSERT_TRUE(event);
    told = Has(event->data, "notifications/resources/updated");
  }
}

TEST_F(ReloadTest, AnAnswerToAServerThatIsGoneGoesNowhere) {
  a_.SetScript([](const FakeRequest& request) {
    FakeAnswer answer;
    if (request.http_method == "GET") {
      answer.form = FakeAnswer::Form::kSse;
      answer.hold = true;
    }
    return answer;
  });
  const std::string session = Open(*bridge_, "/mcp", R"({"elicitation":{}})");
  TestEventStream stream(bridge_->http_port(), {{"mcp-session-id", session}});
  ASSERT_EQ(stream.status(), 200);
  ASSERT_TRUE(Has(Call(*bridge_, "echo", "mine", {{"mcp-session-id", session}}), "mine"));
  const std::string own = a_.Snapshot().LastCall().Header("mcp-session-id");
  ASSERT_TRUE(Eventually([&] {
    return a_.Push(
               R"({"jsonrpc":"2.0","id":"q","method":"elicitation/create","params":{"message":"who?"}})",
               own) == 1;
  }));
  std::string id;
  while (id.empty()) {
    const auto event = stream.Next();
    ASSERT_TRUE(event);
    const std::size_t at = event->data.find("\"id\":");
    if (!Has(event->data, "elicitation/create") || at == std::string::npos) continue;
    id = event->data.substr(at + 5, event->data.find(',', at) - at - 5);
  }
  Reload(ConfigWith({{"a", b_.url()}}));
  ASSERT_TRUE(IsTidy(*bridge_));
  EXPECT_EQ(TestHttpClient(bridge_->http_port())
                .Post(R"({"jsonrpc":"2.0","id":)" + id + R"(,"result":{"action":"decline"}})",
                      {{"mcp-session-id", session}})
                .status,
            202);
  EXPECT_TRUE(Has(Call(*bridge_, "echo", "on", {{"mcp-session-id", session}}), "b: on"));
  for (const FakeMcpServer* server : {&a_, &b_}) {
    for (const FakeRequest& request : server->Snapshot().requests) {
      EXPECT_FALSE(Has(request.body, "decline"));
    }
  }
}

TEST_F(ReloadTest, TheKeyAndTheLimitsHoldForNewRequestsAtOnce) {
  a_.OnTool("slow", Held());
  TestHttpClient caller(bridge_->http_port());
  caller.Send(CallMessage("1", "slow", "without a key"));
  ASSERT_TRUE(a_.WaitFor([](const auto& record) { return record.held.size() == 1; }, kPatience));
  TestHttpClient connected(bridge_->http_port());
  EXPECT_EQ(connected.Post(CallMessage("1", "echo", "x")).status, 200);

  Config locked = config_;
  locked.master_key = "sk-1";
  locked.bridge.limits.in_flight_calls = 1;
  EXPECT_EQ(Reload(locked), "1 kept; settings have changed; the key has changed");
  EXPECT_EQ(connected.Post(CallMessage("1", "echo", "x")).status, 401);
  const auto over_grpc = [&](const std::string& key) {
    grpc::ClientContext context;
    if (!key.empty()) context.AddMetadata("x-litellm-api-key", key);
    v1::CallToolRequest request;
    request.set_name("echo");
    v1::CallToolResponse response;
    return ReasonOf(bridge_->Stub()->CallTool(&context, request, &response));
  };
  // On every pump.
  for (int i = 0; i < 8; ++i) EXPECT_EQ(over_grpc(""), "UNAUTHENTICATED");
  EXPECT_EQ(over_grpc("sk-1"), "OVERLOADED") << "the one call that may be is under way";
  EXPECT_EQ(ReasonOf(Call(*bridge_, "echo", "x", {{"x-litellm-api-key", "sk-1"}})), "OVERLOADED");
  EXPECT_EQ(a_.ReleaseAll(), 1u);
  EXPECT_TRUE(Has(caller.Receive().body, "without a key"));
  EXPECT_TRUE(bridge_->WaitUntilIdle());

  locked.master_key = "sk-2";
  Reload(locked);
  for (int i = 0; i < 8; ++i) EXPECT_EQ(over_grpc("sk-1"), "UNAUTHENTICATED");
  EXPECT_EQ(over_grpc("sk-2"), "");
}

TEST_F(ReloadTest, HealthFollowsTheServersThatThereAre) {
  auto stub = grpc::health::v1::Health::NewStub(bridge_->Channel());
  const auto status_of = [&](const std::string& name) {
    grpc::ClientContext context;
    grpc::health::v1::HealthCheckRequest request;
    request.set_service(name);
    HealthStatus response;
    const grpc::Status status = stub->Check(&context, request, &response);
    return status.ok() ? response.status() : HealthStatus::SERVICE_UNKNOWN;
  };
  grpc::ClientContext context;
  grpc::health::v1::HealthCheckRequest request;
  request.set_service("mcp.b");
  auto watch = stub->Watch(&context, request);
  HealthStatus seen;
  ASSERT_TRUE(watch->Read(&seen));
  EXPECT_EQ(seen.status(), HealthStatus::SERVICE_UNKNOWN);

  FakeAnswer held = Held();
  held.never = true;
  b_.SetScript([held](const FakeRequest& asked) {
    return asked.method == "initialize" || asked.method == "server/discover" ? held : FakeAnswer{};
  });
  Reload(With(config_, Http("b", b_.url())));
  ASSERT_TRUE(watch->Read(&seen));
  EXPECT_EQ(seen.status(), HealthStatus::NOT_SERVING) << "until it serves";
  FakeMcpServer good;
  Reload(With(config_, Http("b", good.url())));
  ASSERT_TRUE(watch->Read(&seen));
  EXPECT_EQ(seen.status(), HealthStatus::SERVING);
  EXPECT_EQ(status_of("mcp.b"), HealthStatus::SERVING);

  Reload(config_);
  ASSERT_TRUE(watch->Read(&seen));
  EXPECT_EQ(seen.status(), HealthStatus::SERVICE_UNKNOWN);
  EXPECT_EQ(status_of("mcp.b"), HealthStatus::SERVICE_UNKNOWN);
  EXPECT_EQ(status_of("mcp.a"), HealthStatus::SERVING);
  context.TryCancel();
}

TEST_F(ReloadTest, ASubscriptionThatAServerAnswersEndsWithIt) {
  const auto modern = [](const FakeRequest& request) {
    FakeAnswer answer;
    if (request.Header("mcp-protocol-version") != "2026-07-28") {
      answer.http_status = 404;
      answer.error = R"({"code":-32601,"message":"Method not found"})";
    } else if (request.method == "server/discover") {
      answer.result =
          R"({"supportedVersions":["2026-07-28"],"capabilities":{"tools":{"listChanged":true}},"resultType":"complete","ttlMs":0,"cacheScope":"private"})";
    } else if (request.method == "subscriptions/listen") {
      return ListenAnswer(request);
    }
    return answer;
  };
  FakeMcpServer server({.sessions = false});
  server.SetScript(modern);
  Reload(With(config_, Http("new", server.url())));
  ASSERT_TRUE(bridge_->WaitForTools("new"));
  const auto listen = [&](const std::string& path) {
    return std::make_unique<TestEventStream>(
        bridge_->http_port(),
        Headers{{"MCP-Protocol-Version", "2026-07-28"}, {"Mcp-Method", "subscriptions/listen"}},
        path,
        R"({"jsonrpc":"2.0","id":5,"method":"subscriptions/listen","params":{"notifications":{"toolsListChanged":true},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}})");
  };
  const auto own = listen("/mcp/new");
  const auto all = listen("/mcp");
  for (const auto* stream : {&own, &all}) {
    const auto acknowledged = (*stream)->Next();
    ASSERT_TRUE(acknowledged && Has(acknowledged->data, "acknowledged"));
  }
  Reload(config_);
  const auto end = own->Next();
  ASSERT_TRUE(end);
  EXPECT_TRUE(Has(end->data, "\"id\":5")) << end->data;
  const auto changed = all->Next();
  ASSERT_TRUE(changed);
  EXPECT_TRUE(Has(changed->data, "notifications/tools/list_changed")) << changed->data;
  EXPECT_TRUE(IsTidy(*bridge_));
}

TEST_F(ReloadTest, ACallThatLooksForItsToolGoesOnWithWhatThereIsNow) {
  // "b" is slow to say what it has, and then isn't there any more.
  FakeAnswer never;
  never.never = true;
  b_.SetScript([never](const FakeRequest& request) {
    return request.method == "tools/list" ? never : FakeAnswer{};
  });
  Reload(With(config_, Http("b", b_.url())));
  TestHttpClient caller(bridge_->http_port());
  caller.Send(CallMessage("1", "brand-new", "x"));
  ASSERT_TRUE(
      b_.WaitFor([](const auto& record) { return record.Count("tools/list") > 0; }, kPatience));
  FakeMcpServer::Options options;
  options.tools = R"([{"name":"brand-new","inputSchema":{"type":"object"}}])";
  FakeMcpServer c(options);
  c.AnswerWith("c: ");
  Reload(With(config_, Http("c", c.url())));
  EXPECT_TRUE(Has(caller.Receive().body, "c: x"));
}

}  // namespace
}  // namespace mcpbridge::test

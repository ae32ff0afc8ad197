// The admin listener: who may look, and what there is to see.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <optional>
#include <string>

#include "tests/fakes/fake_mcp_server.h"
#include "tests/fakes/test_http.h"
#include "tests/integration/bridge_fixture.h"

namespace mcpbridge::test {
namespace {

using testing::HasSubstr;
using testing::Not;

Config AdminConfig(const FakeMcpServer& upstream) {
  Config config = ConfigWith({{"fake", upstream.url()}});
  config.bridge.admin_listen = ListenAddress{.host = "127.0.0.1", .port = 0, .unix_path = {}};
  return config;
}

class AdminTest : public testing::Test {
 protected:
  void Start(Config config) {
    bridge_.emplace(std::move(config));
    ASSERT_TRUE(bridge_->WaitForTools("fake"));
  }
  TestResponse Get(const std::string& path, const TestHttpClient::Headers& headers = {}) {
    return TestHttpClient(bridge_->admin_port()).Request("GET", path, "", headers);
  }

  FakeMcpServer upstream_;
  std::optional<Bridge> bridge_;
};

TEST_F(AdminTest, ServesThePageWithNothingButItsOwnFiles) {
  Start(AdminConfig(upstream_));
  const TestResponse page = Get("/");
  EXPECT_EQ(page.status, 200);
  EXPECT_THAT(page.headers.at("content-type"), HasSubstr("text/html"));
  const std::string policy = page.headers.at("content-security-policy");
  EXPECT_THAT(policy, HasSubstr("default-src 'none'"));
  EXPECT_THAT(policy, HasSubstr("script-src 'self'"));
  EXPECT_THAT(policy, Not(HasSubstr("unsafe")));
  EXPECT_EQ(page.headers.at("x-content-type-options"), "nosniff");
  EXPECT_THAT(page.body, Not(HasSubstr("://")));
  EXPECT_THAT(page.body, Not(HasSubstr(" style=")));
  EXPECT_THAT(page.body, Not(HasSubstr(" onclick=")));
  for (const char* file : {"/page.css", "/page.js", "/icon.svg"}) {
    EXPECT_THAT(page.body, HasSubstr(file));
    EXPECT_EQ(Get(file).status, 200) << file;
  }
  EXPECT_EQ(Get("/nothing").status, 404);
  EXPECT_EQ(TestHttpClient(bridge_->admin_port()).Request("POST", "/metrics", "x").status, 405);
}

TEST_F(AdminTest, WantsTheKeyForAllButHealthAndThePagesFiles) {
  Config config = AdminConfig(upstream_);
  config.master_key = "s3cr3t";
  Start(config);
  for (const char* path : {"/healthz", "/readyz", "/", "/page.js", "/page.css"}) {
    EXPECT_EQ(Get(path).status, 200) << path;
  }
  for (const char* path : {"/metrics", "/debug/calls", "/debug/upstreams", "/debug/log_level"}) {
    EXPECT_EQ(Get(path).status, 401) << path;
    EXPECT_EQ(Get(path, {{"Authorization", "Bearer wrong"}}).status, 401) << path;
    EXPECT_EQ(Get(path, {{"Authorization", "Bearer s3cr3t"}}).status, 200) << path;
  }
  EXPECT_THAT(Get("/metrics", {{"x-litellm-api-key", "s3cr3t"}}).body, Not(HasSubstr("s3cr3t")));
  TestHttpClient client(bridge_->admin_port());
  EXPECT_EQ(client.Post(CallMessage("1", "echo", "hi")).status, 401);
  EXPECT_THAT(client.Post(CallMessage("1", "echo", "hi"), {{"x-litellm-api-key", "s3cr3t"}}).body,
              HasSubstr("result"));
}

TEST_F(AdminTest, AnswersNoOtherHostAndNoOtherPage) {
  Start(AdminConfig(upstream_));
  const std::string here = "localhost:" + std::to_string(bridge_->admin_port());
  for (const char* path : {"/", "/metrics", "/debug/log_level", "/mcp/"}) {
    EXPECT_EQ(Get(path, {{"Host", "evil.example"}}).status, 403) << path;
  }
  EXPECT_EQ(Get("/metrics", {{"Host", here}, {"Origin", "http://evil.example"}}).status, 403);
  EXPECT_EQ(Get("/metrics", {{"Host", here}, {"Origin", "http://localhost:1"}}).status, 403);
  EXPECT_EQ(Get("/metrics", {{"Host", here}, {"Origin", "http://" + here}}).status, 200);
  EXPECT_FALSE(Get("/metrics", {{"Host", here}, {"Origin", "http://" + here}})
                   .headers.contains("access-control-allow-origin"));
  TestHttpClient client(bridge_->admin_port());
  EXPECT_THAT(
      client.Post(CallMessage("1", "echo", "hi"), {{"Host", here}, {"Origin", "http://" + here}})
          .body,
      HasSubstr("result"));
}

TEST_F(AdminTest, ChangesTheLogLevel) {
  Start(AdminConfig(upstream_));
  const auto set = [this](const std::string& method, const std::string& body) {
    return TestHttpClient(bridge_->admin_port()).Request(method, "/debug/log_level", body);
  };
  EXPECT_EQ(Get("/debug/log_level").body, R"({"level":"error"})");
  EXPECT_EQ(set("PUT", "off").body, R"({"level":"off"})");
  EXPECT_EQ(set("PUT", "loud").status, 400);
  EXPECT_EQ(set("DELETE", "").status, 405);
  EXPECT_EQ(Get("/debug/log_level").body, R"({"level":"off"})");
  EXPECT_EQ(set("POST", R"({"level": "error"})").body, R"({"level":"error"})");
}

TEST_F(AdminTest, ShowsCallsUnderWay) {
  Start(AdminConfig(upstream_));
  FakeAnswer held;
  held.hold = true;
  upstream_.OnTool("echo", held);
  TestHttpClient client(bridge_->http_port());
  client.Send(CallMessage("1", "echo", "s3cr3t"), {{"grpc-timeout", "20S"}});
  ASSERT_TRUE(upstream_.WaitFor([](const auto& record) { return record.held.size() == 1; }));
  const std::string calls = Get("/debug/calls").body;
  EXPECT_THAT(calls, HasSubstr(R"({"in_flight":1,"calls":[{"id":")"));
  EXPECT_THAT(calls, HasSubstr(R"("front":"http","server":"fake","method":"tools/call",)"
                               R"("key":"echo","age_ms":)"));
  EXPECT_THAT(calls, testing::ContainsRegex(R"("deadline_left_ms":1[0-9][0-9][0-9][0-9]\})"));
  EXPECT_THAT(calls, Not(HasSubstr("s3cr3t")));
  EXPECT_THAT(Get("/debug/upstreams").body, HasSubstr(R"("in_flight":1)"));
  upstream_.ReleaseAll();
  EXPECT_EQ(client.Receive().status, 200);
  EXPECT_TRUE(bridge_->WaitUntilIdle());
  EXPECT_EQ(Get("/debug/calls").body, R"({"in_flight":0,"calls":[]})");
}

TEST_F(AdminTest, ShowsItsServers) {
  Config config = AdminConfig(upstream_);
  ServerConfig gone;
  gone.name = "gone";
  gone.url = "http://127.0.0.1:1/mcp";
  config.servers.push_back(gone);
  Start(config);
  std::string body;
  const Deadline give_up = Deadline::After(kPatience);
  while (!give_up.expired() && body.find("not_serving") == std::string::npos) {
    body = Get("/debug/upstreams").body;
  }
  EXPECT_THAT(body, HasSubstr(R"("name":"fake","description":"","transport":"http",)"
                              R"("health":"serving")"));
  EXPECT_THAT(body, HasSubstr(R"("name":"gone")"));
  EXPECT_THAT(body, HasSubstr(R"("health":"not_serving")"));
  EXPECT_THAT(body, testing::ContainsRegex(R"("last_error":"[^"]+")"));
  EXPECT_THAT(body, HasSubstr(R"("tools":2)"));
}

// Who looks at it while it stops sees that it does, and what it waits for.
TEST_F(AdminTest, AnswersUntilTheCallsUnderWayHaveEnded) {
  Start(AdminConfig(upstream_));
  EXPECT_EQ(Get("/readyz").status, 200);
  FakeAnswer held;
  held.hold = true;
  upstream_.OnTool("echo", held);
  TestHttpClient client(bridge_->http_port());
  client.Send(CallMessage("1", "echo", "x"));
  ASSERT_TRUE(upstream_.WaitFor([](const auto& record) { return record.held.size() == 1; }));
  const std::future<void> stop =
      std::async(std::launch::async, [this] { bridge_->app().Stop("test"); });
  const Deadline give_up = Deadline::After(kPatience);
  while (!give_up.expired() && Get("/readyz").status != 503) {
  }
  EXPECT_EQ(Get("/readyz").status, 503);
  EXPECT_EQ(Get("/healthz").status, 200);
  EXPECT_THAT(Get("/metrics").body, HasSubstr("\nmcpbridge_ready 0\n"));
  EXPECT_THAT(Get("/debug/calls").body, HasSubstr(R"("key":"echo")"));
  TestHttpClient late(bridge_->admin_port());
  EXPECT_EQ(ReasonOf(late.Post(CallMessage("2", "echo", "x")).body), "SHUTTING_DOWN");
  upstream_.ReleaseAll();
  EXPECT_EQ(client.Receive().status, 200);
  stop.wait();
  EXPECT_EQ(Get("/healthz").status, 0);
}

// The first connection of each listener is lane 0's.
TEST_F(AdminTest, ALaneThatDoesNotAnswerIsToldAndHoldsNoCallUp) {
  Start(AdminConfig(upstream_));
  std::promise<void> release;
  bridge_->executor().lane(1).Post([wait = release.get_future().share()] { wait.wait(); });
  TestHttpClient admin(bridge_->admin_port());
  std::future<TestResponse> asked =
      std::async(std::launch::async, [&admin] { return admin.Request("GET", "/metrics", ""); });
  TestHttpClient caller(bridge_->http_port());
  EXPECT_THAT(caller.Post(CallMessage("1", "echo", "x")).body, HasSubstr("result"));
  EXPECT_EQ(asked.wait_for(std::chrono::milliseconds(0)), std::future_status::timeout);
  EXPECT_EQ(asked.get().status, 503);
  EXPECT_EQ(admin.Request("GET", "/healthz", "").status, 200);
  release.set_value();
  EXPECT_EQ(admin.Request("GET", "/metrics", "").status, 200);
}

TEST_F(AdminTest, AnAddressInUseIsAnErrorThatNamesTheSetting) {
  Config config = AdminConfig(upstream_);
  config.bridge.admin_listen->port = upstream_.port();
  Executor executor({.lanes = 1});
  App app(config, executor);
  const auto started = app.Start();
  ASSERT_FALSE(started);
  EXPECT_THAT(started.error().message, HasSubstr("bridge.admin_listen, --admin_listen"));
}

}  // namespace
}  // namespace mcpbridge::test

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/config_fixture.h"

namespace mcpbridge {
namespace {

using config_fixture::ErrorsOf;
using config_fixture::FakeEnv;
using config_fixture::Good;
using config_fixture::Server;
using config_fixture::TestEnv;
using config_fixture::WithServer;
using std::chrono::milliseconds;

Config GoodText(const std::string& yaml) { return Good(ParseConfig(yaml, "c.yaml", TestEnv())); }

ServerConfig GoodServer(const std::string& keys) {
  const Config config = GoodText(Server(keys));
  return config.servers.size() == 1 ? config.servers[0] : ServerConfig{};
}

TEST(Config, DefaultsAreThoseOfTheStructs) {
  const Config config = GoodText("mcp_servers: {a: {url: 'http://h/mcp'}}\n");
  EXPECT_EQ(config.bridge.http_listen.ToString(), "127.0.0.1:4000");
  EXPECT_EQ(config.bridge.grpc_listen.ToString(), "127.0.0.1:50051");
  EXPECT_EQ(config.bridge.admin_listen.value().ToString(), "127.0.0.1:4001");
  EXPECT_EQ(config.bridge.access_log, "off");
  EXPECT_EQ(config.master_key, "");
  ASSERT_EQ(config.servers.size(), 1U);
  EXPECT_EQ(config.servers[0].name, "a");
  EXPECT_EQ(config.servers[0].transport, TransportKind::kHttp);
  EXPECT_EQ(config.servers[0].url, "http://h/mcp");
  EXPECT_EQ(config.servers[0].timeout, milliseconds(60'000));
  EXPECT_TRUE(config.servers[0].headers.empty());
}

TEST(Config, ReadsEveryBridgeSetting) {
  const BridgeConfig bridge = GoodText(WithServer(R"(
bridge:
  http_listen: "[::1]:0"
  grpc_listen: unix:/run/bridge.sock
  admin_listen: off
  allow_unauthenticated: yes
  allowed_origins: ["HTTPS://App.example.com", "http://localhost:3000"]
  allowed_hosts: [Bridge.internal, "[::2]"]
  lanes: os.environ/LANES
  grpc_queues: 2
  grpc_threads_per_queue: 4
  limits:
    in_flight_calls: 10
    request_bytes: 64KiB
    response_bytes: 1GiB
    header_bytes: 4096
    http_connections: 11
    sessions: 13
    client_processes: 14
    parked_calls: 15
    upstream_connections: 12
    call_timeout: 2m
  session_idle: 90s
  session_key: 0123456789abcdef0123456789abcdef
  session_max_age: 36h
  traces: {endpoint: "https://otel:4318/v1/traces", sample: 0.25, headers: {Api-Key: secret}}
  session_store: "redis://bridge:p%40ss:word@[::1]:6380/3"
  drain_grace: 500ms
  catalogue_ttl: 1.5
  log_level: off
  access_log: json
)"))
                                  .bridge;
  EXPECT_EQ(bridge.http_listen.ToString(), "[::1]:0");
  EXPECT_EQ(bridge.grpc_listen.ToString(), "unix:/run/bridge.sock");
  EXPECT_FALSE(bridge.admin_listen);
  EXPECT_EQ(bridge.access_log, "json");
  EXPECT_TRUE(bridge.allow_unauthenticated);
  EXPECT_EQ(bridge.allowed_origins,
            (std::vector<std::string>{"https://app.example.com", "http://localhost:3000"}));
  EXPECT_EQ(bridge.allowed_hosts, (std::vector<std::string>{"bridge.internal", "[::2]"}));
  EXPECT_EQ(bridge.lanes, 3);
  EXPECT_EQ(bridge.grpc_queues, 2);
  EXPECT_EQ(bridge.grpc_threads_per_queue, 4);
  EXPECT_EQ(bridge.limits.in_flight_calls, 10);
  EXPECT_EQ(bridge.limits.request_bytes, 64U << 10);
  EXPECT_EQ(bridge.limits.response_bytes, 1U << 30);
  EXPECT_EQ(bridge.limits.header_bytes, 4096U);
  EXPECT_EQ(bridge.limits.http_connections, 11);
  EXPECT_EQ(bridge.limits.sessions, 13);
  EXPECT_EQ(bridge.limits.client_processes, 14);
  EXPECT_EQ(bridge.limits.parked_calls, 15);
  EXPECT_EQ(bridge.limits.upstream_connections, 12);
  EXPECT_EQ(bridge.limits.call_timeout, milliseconds(120'000));
  EXPECT_EQ(bridge.session_idle, milliseconds(90'000));
  EXPECT_EQ(bridge.session_key, "0123456789abcdef0123456789abcdef");
  EXPECT_EQ(bridge.session_max_age, std::chrono::hours(36));
  ASSERT_TRUE(bridge.session_store);
  EXPECT_EQ(bridge.session_store->host, "::1");
  EXPECT_EQ(bridge.session_store->port, 6380);
  ASSERT_TRUE(bridge.traces);
  EXPECT_EQ(bridge.traces->endpoint, "https://otel:4318/v1/traces");
  EXPECT_EQ(bridge.traces->sample, 0.25);
  EXPECT_EQ(bridge.traces->headers[0], std::pair(std::string("Api-Key"), std::string("secret")));
  EXPECT_EQ(bridge.session_store->user, "bridge");
  EXPECT_EQ(bridge.session_store->password, "p@ss:word");
  EXPECT_EQ(bridge.session_store->database, 3);
  EXPECT_EQ(bridge.session_store->ToString(), "::1:6380");
  EXPECT_EQ(bridge.drain_grace, milliseconds(500));
  EXPECT_EQ(bridge.catalogue_ttl, milliseconds(1500));
  EXPECT_EQ(bridge.log_level, "off");
}

TEST(Config, ReadsWhereRedisIs) {
  EXPECT_EQ(ParseStoreAddress("redis://redis")->ToString(), "redis:6379");
  EXPECT_EQ(ParseStoreAddress("redis://redis/")->database, 0);
  EXPECT_EQ(ParseStoreAddress("redis://:secret@10.0.0.1:1")->password, "secret");
  EXPECT_EQ(ParseStoreAddress("redis+unix:///run/r.sock")->unix_path, "/run/r.sock");
  for (const char* wrong :
       {"", "redis", "redis://", "redis://:6379", "rediss://h", "redis://h:0", "redis://h:x",
        "redis://h/x", "redis://user@h", "redis://user:@h", "redis://u:%4@h", "redis://u:%zz@h",
        "redis+unix://run/r.sock", "redis+unix:///", "http://h"}) {
    EXPECT_FALSE(ParseStoreAddress(wrong)) << wrong;
  }
}

TEST(Config, ReadsHowAServerIsShared) {
  const ServerConfig usual = GoodServer("    url: http://h/\n");
  EXPECT_EQ(usual.isolation, Isolation::kSession);
  EXPECT_EQ(usual.protocol, Protocol::kAuto);
  const ServerConfig other =
      GoodServer("    url: http://h/\n    isolation: shared\n    protocol: legacy\n");
  EXPECT_EQ(other.isolation, Isolation::kShared);
  EXPECT_EQ(GoodServer("    command: c\n    isolation: call\n").isolation, Isolation::kCall);
  EXPECT_EQ(other.protocol, Protocol::kLegacy);
  EXPECT_EQ(GoodServer("    command: x\n    protocol: modern\n").protocol, Protocol::kModern);
}

TEST(Config, ReadsAStdioServer) {
  const ServerConfig server = GoodServer(
      "    command: npx\n"
      "    args: [-y, '', 'a b', os.environ/TOKEN, \"8080\", !!str 1]\n"
      "    env: {KEY: os.environ/TOKEN, EMPTY: '', LITERAL: os.environ/LITERAL, COST: \"$5 "
      "{x}\"}\n");
  EXPECT_EQ(server.transport, TransportKind::kStdio);
  EXPECT_EQ(server.command, "npx");
  EXPECT_EQ(server.args,
            (std::vector<std::string>{"-y", "", "a b", "s3cr3t-from-env", "8080", "1"}));
  EXPECT_EQ(server.env, (std::map<std::string, std::string>{{"KEY", "s3cr3t-from-env"},
                                                            {"EMPTY", ""},
                                                            {"LITERAL", "${X-Not-A-Template}"},
                                                            {"COST", "$5 {x}"}}));
}

TEST(Config, ReadsAnSseServer) {
  const ServerConfig server = GoodServer(
      "    transport: sse\n"
      "    url: http://h/sse\n"
      "    protocol: legacy\n"
      "    auth_type: bearer_token\n"
      "    authentication_token: t\n"
      "    extra_headers: [x-request-id]\n");
  EXPECT_EQ(server.transport, TransportKind::kSse);
  EXPECT_EQ(server.url, "http://h/sse");
  EXPECT_EQ(server.headers[0].second, "Bearer t");
  EXPECT_EQ(server.extra_headers, std::vector<std::string>{"x-request-id"});
  EXPECT_EQ(GoodServer("    transport: sse\n    url: http://h/sse\n").transport,
            TransportKind::kSse);
}

TEST(ConfigTest, AServerOverGrpc) {
  for (const char* url : {"grpc://h:1", "grpcs://[::1]:65535", "grpc+unix:///run/a.sock"}) {
    const ServerConfig server = GoodServer("    transport: grpc\n    url: \"" + std::string(url) +
                                           "\"\n    auth_type: basic\n"
                                           "    authentication_token: u:p\n    protocol: modern\n");
    EXPECT_EQ(server.transport, TransportKind::kGrpc);
    EXPECT_EQ(server.url, url);
    EXPECT_EQ(server.headers.size(), 1u);
  }
}

TEST(Config, ReadsHeaders) {
  const ServerConfig server = GoodServer(
      "    url: https://[2001:db8::1]:8443/mcp?x=1\n"
      "    static_headers: {X-One: '1', x-two: os.environ/TOKEN}\n"
      "    extra_headers: [X-Request-Id, x-request-id, Authorization]\n"
      "    auth_type: bearer_token\n"
      "    auth_value: old\n"
      "    authentication_token: new\n"
      "    timeout: os.environ/SECONDS\n"
      "    allow_all_keys: os.environ/YES\n"
      "    description: ''\n");
  using Headers = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(
      server.headers,
      (Headers{{"X-One", "1"}, {"x-two", "s3cr3t-from-env"}, {"Authorization", "Bearer new"}}));
  EXPECT_EQ(server.extra_headers, (std::vector<std::string>{"x-request-id", "authorization"}));
  EXPECT_EQ(server.timeout, milliseconds(7000));
}

TEST(Config, AuthTypeNamesTheHeader) {
  const struct {
    std::string type;
    std::string value;
    std::string header;
    std::string text;
  } cases[] = {
      {"api_key", "v", "X-API-Key", "v"},
      {"bearer_token", "v", "Authorization", "Bearer v"},
      {"basic", "user:pass", "Authorization", "Basic dXNlcjpwYXNz"},
      {"basic", "u:", "Authorization", "Basic dTo="},
      {"authorization", "Custom v", "Authorization", "Custom v"},
      {"token", "v", "Authorization", "token v"},
  };
  for (const auto& c : cases) {
    const ServerConfig server = GoodServer("    url: http://h/\n    auth_type: " + c.type +
                                           "\n    auth_value: '" + c.value + "'\n");
    ASSERT_EQ(server.headers.size(), 1U) << c.type;
    EXPECT_EQ(server.headers[0].first, c.header) << c.type;
    EXPECT_EQ(server.headers[0].second, c.text) << c.type;
  }
  EXPECT_TRUE(GoodServer("    url: http://h/\n    auth_type: none\n").headers.empty());
}

TEST(Config, UnquotedStringsThatOnlyResembleNumbersAreStrings) {
  for (const std::string value : {"12e4", "1.2.3", "-y", "0xfg", "1h", "_1", ".", "v1"}) {
    const ServerConfig server = GoodServer("    command: c\n    env: {V: " + value + "}\n");
    EXPECT_EQ(server.env.at("V"), value);
  }
}

TEST(Config, NamesComeFromTheAliasAndAreSorted) {
  const Config config = GoodText(
      "mcp_servers:\n"
      "  z.1: {url: 'http://h/'}\n"
      "  my server: {url: 'http://h/'}\n"
      "  mcp: {url: 'http://h/', alias: Git Hub}\n"
      "  same: {url: 'http://h/', alias: same}\n");
  std::vector<std::string> names;
  for (const ServerConfig& server : config.servers) names.push_back(server.name);
  EXPECT_EQ(names, (std::vector<std::string>{"Git_Hub", "my_server", "same", "z.1"}));
}

TEST(Config, FurtherNamesAndAccessGroups) {
  const Config config = GoodText(
      "mcp_servers:\n"
      "  a: {url: 'http://h/', access_groups: [dev, ops, dev]}\n"
      "  b: {url: 'http://h/', alias: bee}\n"
      "  c: {url: 'http://h/', allowed_tools: [sea-x, see-y]}\n"
      "litellm_settings:\n"
      "  mcp_aliases: {sea: c, see: c, B 2: b}\n");
  ASSERT_EQ(config.servers.size(), 3U);
  using Names = std::vector<std::string>;
  EXPECT_EQ(config.servers[0].access_groups, (Names{"dev", "ops"}));
  EXPECT_EQ(config.servers[0].other_names, Names{});
  EXPECT_EQ(config.servers[1].name, "bee") << "its own alias wins";
  EXPECT_EQ(config.servers[1].other_names, (Names{"b", "B_2"}));
  EXPECT_EQ(config.servers[2].name, "sea") << "the first one";
  EXPECT_EQ(config.servers[2].other_names, (Names{"c", "see"}));
  EXPECT_EQ(config.servers[2].allowed_tools, (Names{"sea-x", "see-y", "x", "y"}));
}

TEST(Config, ToolListsKnowPrefixedSpellingsToo) {
  const Config config = GoodText(
      "mcp_servers:\n"
      "  git_hub:\n"
      "    url: http://h/\n"
      "    alias: gh\n"
      "    allowed_tools: [a, gh-b]\n"
      "    disallowed_tools: [git_hub-c, gh-, other-d]\n");
  ASSERT_EQ(config.servers.size(), 1U);
  EXPECT_EQ(config.servers[0].allowed_tools, (std::vector<std::string>{"a", "gh-b", "b"}));
  EXPECT_EQ(config.servers[0].disallowed_tools,
            (std::vector<std::string>{"git_hub-c", "gh-", "other-d", "c"}));
}

TEST(Config, AnchorsAreExpanded) {
  const Config config = GoodText(
      "mcp_servers:\n"
      "  a: {url: 'http://h/', static_headers: &h {X-A: '1'}}\n"
      "  b: {url: 'http://h/', static_headers: *h}\n");
  ASSERT_EQ(config.servers.size(), 2U);
  EXPECT_EQ(config.servers[1].headers, config.servers[0].headers);
}

TEST(Config, AMasterKeyOrAWordForItOpensTheListeners) {
  const std::string open = "bridge:\n  http_listen: 0.0.0.0:4000\n  grpc_listen: '[::]:50051'\n";
  EXPECT_EQ(
      GoodText(WithServer(open + "general_settings: {master_key: os.environ/TOKEN}\n")).master_key,
      "s3cr3t-from-env");
  EXPECT_TRUE(
      GoodText(WithServer(open + "  allow_unauthenticated: true\n")).bridge.allow_unauthenticated);
}

// ---- Listen addresses ----

TEST(ListenAddress, ParsesAndPrints) {
  const struct {
    std::string text;
    std::string printed;
    bool is_loopback;
  } cases[] = {
      {"127.0.0.1:4000", "127.0.0.1:4000", true},
      {"127.8.9.10:0", "127.8.9.10:0", true},
      {"localhost:65535", "localhost:65535", true},
      {"[::1]:4000", "[::1]:4000", true},
      {"[0:0:0:0:0:0:0:1]:4000", "[::1]:4000", true},
      {"[::ffff:127.0.0.1]:1", "[::ffff:127.0.0.1]:1", true},
      {"[::ffff:10.0.0.1]:1", "[::ffff:10.0.0.1]:1", false},
      {"[::]:4000", "[::]:4000", false},
      {":4000", "[::]:4000", false},
      {"0.0.0.0:4000", "0.0.0.0:4000", false},
      {"10.0.0.1:4000", "10.0.0.1:4000", false},
      {"[2001:db8::1]:4000", "[2001:db8::1]:4000", false},
      {"unix:/run/b.sock", "unix:/run/b.sock", true},
      {"unix:///run/b.sock", "unix:/run/b.sock", true},
  };
  for (const auto& c : cases) {
    const auto address = ParseListenAddress(c.text);
    ASSERT_TRUE(address) << c.text;
    EXPECT_EQ(address->ToString(), c.printed);
    EXPECT_EQ(address->is_loopback(), c.is_loopback) << c.text;
    EXPECT_EQ(ParseListenAddress(address->ToString()), address) << c.text;
  }
}

TEST(ListenAddress, RefusesWhatItCannotListenOn) {
  const std::string long_path = "unix:/" + std::string(107, 'p');
  for (const std::string& text : {std::string(),
                                  std::string(":"),
                                  std::string("4000"),
                                  std::string("127.0.0.1"),
                                  std::string("127.0.0.1:"),
                                  std::string("127.0.0.1:65536"),
                                  std::string("127.0.0.1:+1"),
                                  std::string("127.0.0.1:-1"),
                                  std::string("127.0.0.1: 1"),
                                  std::string("127.0.0.1:1x"),
                                  std::string("127.1:1"),
                                  std::string("256.0.0.1:1"),
                                  std::string("example.com:1"),
                                  std::string("::1:4000"),
                                  std::string("[::1]"),
                                  std::string("[]:1"),
                                  std::string("[:1"),
                                  std::string("[127.0.0.1]:1"),
                                  std::string("[::1%lo]:1"),
                                  std::string("http://127.0.0.1:1"),
                                  std::string("unix:"),
                                  std::string("unix:/"),
                                  std::string("unix:relative"),
                                  std::string("unix:/dir/"),
                                  std::string("127.0.0.1\0:1", 12),
                                  std::string("unix:/a\0b", 9),
                                  long_path}) {
    EXPECT_FALSE(ParseListenAddress(text)) << text;
  }
  EXPECT_TRUE(ParseListenAddress(long_path.substr(0, long_path.size() - 1)));
}

// ---- Files ----

std::string ExamplePath(const std::string& name) {
  return (std::filesystem::path(__FILE__).parent_path() / "../../examples" / name).string();
}

Config GoodFile(const std::string& name, const GetEnv& env) {
  return Good(LoadConfig(ExamplePath(name), env));
}

TEST(LoadConfig, SaysWhyAFileCannotBeRead) {
  const std::string missing = testing::TempDir() + "/no/such/bridge.yaml";
  EXPECT_EQ(ErrorsOf(LoadConfig(missing)),
            missing + ": cannot be read: No such file or directory\n");
  EXPECT_EQ(ErrorsOf(LoadConfig("/")), "/: cannot be read: Is a directory\n");
}

TEST(LoadConfig, ReadsTheQuickstart) {
  const Config config = GoodFile("quickstart.yaml", FakeEnv({}));
  ASSERT_EQ(config.servers.size(), 1U);
  EXPECT_EQ(config.servers[0].name, "demo");
  EXPECT_EQ(config.servers[0].url, "http://127.0.0.1:9321/mcp");
  EXPECT_EQ(config.master_key, "");
  EXPECT_EQ(config.bridge.http_listen.ToString(), "127.0.0.1:4000");
}

TEST(LoadConfig, ReadsALiteLlmUsersFile) {
  const Config config = GoodFile("litellm.yaml", FakeEnv({{"LITELLM_MASTER_KEY", "sk-1"},
                                                          {"GITHUB_TOKEN", "gh"},
                                                          {"ZAPIER_URL", "https://z.example/mcp"},
                                                          {"CIRCLECI_TOKEN", "cc"},
                                                          {"JIRA_CREDENTIALS", "user:pass"}}));
  EXPECT_EQ(config.master_key, "sk-1");
  ASSERT_EQ(config.servers.size(), 5U);
  const ServerConfig& circleci = config.servers[0];
  EXPECT_EQ(circleci.name, "circleci_mcp");
  EXPECT_EQ(circleci.transport, TransportKind::kStdio);
  EXPECT_EQ(circleci.env.at("CIRCLECI_TOKEN"), "cc");
  const ServerConfig& github = config.servers[2];
  EXPECT_EQ(github.name, "github");
  EXPECT_EQ(github.headers[0].second, "Bearer gh");
  EXPECT_EQ(github.timeout, milliseconds(30'000));
  EXPECT_EQ(config.servers[3].headers[0].second, "Basic dXNlcjpwYXNz");
  EXPECT_EQ(config.servers[4].url, "https://z.example/mcp");
}

TEST(LoadConfig, TheFullExampleHasTheDefaults) {
  const Config config = GoodFile(
      "full.yaml", FakeEnv({{"MCP_BRIDGE_KEY", "key"},
                            {"MCP_BRIDGE_SESSION_KEY", "0123456789abcdef0123456789abcdef"},
                            {"MCP_BRIDGE_OTHER_SESSION_KEY", "0123456789abcdef0123456789abcdeg"},
                            {"SEARCH_TOKEN", "token"}}));
  const BridgeConfig defaults;
  EXPECT_EQ(config.servers.size(), 4U);
  EXPECT_EQ(config.bridge.http_listen, defaults.http_listen);
  EXPECT_EQ(config.bridge.grpc_listen, defaults.grpc_listen);
  EXPECT_EQ(config.bridge.admin_listen, defaults.admin_listen);
  EXPECT_EQ(config.bridge.access_log, defaults.access_log);
  EXPECT_EQ(config.bridge.allow_unauthenticated, defaults.allow_unauthenticated);
  EXPECT_EQ(config.bridge.lanes, defaults.lanes);
  EXPECT_EQ(config.bridge.grpc_queues, defaults.grpc_queues);
  EXPECT_EQ(config.bridge.grpc_threads_per_queue, defaults.grpc_threads_per_queue);
  EXPECT_EQ(config.bridge.limits.in_flight_calls, defaults.limits.in_flight_calls);
  EXPECT_EQ(config.bridge.limits.request_bytes, defaults.limits.request_bytes);
  EXPECT_EQ(config.bridge.limits.response_bytes, defaults.limits.response_bytes);
  EXPECT_EQ(config.bridge.limits.header_bytes, defaults.limits.header_bytes);
  EXPECT_EQ(config.bridge.limits.http_connections, defaults.limits.http_connections);
  EXPECT_EQ(config.bridge.limits.sessions, defaults.limits.sessions);
  EXPECT_EQ(config.bridge.limits.client_processes, defaults.limits.client_processes);
  EXPECT_EQ(config.bridge.limits.parked_calls, defaults.limits.parked_calls);
  EXPECT_EQ(config.bridge.session_idle, defaults.session_idle);
  EXPECT_EQ(config.bridge.session_max_age, defaults.session_max_age);
  EXPECT_EQ(config.bridge.limits.upstream_connections, defaults.limits.upstream_connections);
  EXPECT_EQ(config.bridge.limits.call_timeout, defaults.limits.call_timeout);
  EXPECT_EQ(config.bridge.drain_grace, defaults.drain_grace);
  EXPECT_EQ(config.bridge.catalogue_ttl, defaults.catalogue_ttl);
  EXPECT_EQ(config.bridge.log_level, defaults.log_level);
}

}  // namespace
}  // namespace mcpbridge

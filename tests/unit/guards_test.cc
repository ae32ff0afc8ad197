#include "server/frontend/http/guards.h"

#include <gtest/gtest.h>

#include "server/frontend/http/mcp_endpoint.h"

namespace mcpbridge {
namespace {

namespace http = boost::beast::http;

http::fields Fields(std::initializer_list<std::pair<const char*, const char*>> fields) {
  http::fields all;
  for (const auto& [name, value] : fields) all.insert(name, value);
  return all;
}

TEST(GuardsTest, OnALoopbackListenerTheHostMustBeThisMachine) {
  BridgeConfig config;
  config.allowed_hosts = {"bridge.test"};
  for (const char* good : {"localhost", "localhost:4000", "LOCALHOST:1", "127.0.0.1:4000",
                           "[::1]:4000", "bridge.test:80"}) {
    EXPECT_FALSE(CheckHost(Fields({{"Host", good}}), config, config.http_listen)) << good;
  }
  for (const char* bad :
       {"evil.example.com", "localhost.evil.com", "127.0.0.1.evil.com:4000", ""}) {
    EXPECT_TRUE(CheckHost(Fields({{"Host", bad}}), config, config.http_listen)) << bad;
  }
  EXPECT_TRUE(
      CheckHost(Fields({{"Host", "localhost"}, {"Host", "localhost"}}), config, config.http_listen))
      << "twice";
  EXPECT_TRUE(CheckHost(Fields({}), config, config.http_listen)) << "none";
  config.http_listen.host = "0.0.0.0";
  EXPECT_FALSE(CheckHost(Fields({{"Host", "bridge.ns.svc"}}), config, config.http_listen));
}

TEST(GuardsTest, AnOriginMustBeLocalOrConfigured) {
  BridgeConfig config;
  config.allowed_origins = {"https://app.example.com"};
  EXPECT_FALSE(CheckOrigin(Fields({}), config));
  for (const char* good : {"http://localhost:3000", "https://127.0.0.1", "http://[::1]:5",
                           "https://app.example.com"}) {
    EXPECT_FALSE(CheckOrigin(Fields({{"Origin", good}}), config)) << good;
  }
  for (const char* bad :
       {"http://evil.example.com", "null", "localhost", "http://localhost.evil.com",
        "https://app.example.com.evil.com", "http://app.example.com"}) {
    EXPECT_TRUE(CheckOrigin(Fields({{"Origin", bad}}), config)) << bad;
  }
}

TEST(GuardsTest, MediaTypes) {
  const auto reason = [](const char* type, const char* accept) -> std::optional<Reason> {
    const auto error = CheckMediaTypes(Fields({{"Content-Type", type}, {"Accept", accept}}));
    return error ? std::optional(error->reason) : std::nullopt;
  };
  EXPECT_EQ(reason("application/json", "application/json, text/event-stream"), std::nullopt);
  EXPECT_EQ(reason("Application/JSON; charset=utf-8", "text/event-stream, application/json;q=0.5"),
            std::nullopt);
  EXPECT_EQ(reason("application/json", "*/*"), std::nullopt);
  EXPECT_EQ(reason("text/plain", "*/*"), Reason::kUnsupportedMediaType);
  EXPECT_EQ(reason("", "*/*"), Reason::kUnsupportedMediaType);
  EXPECT_EQ(reason("application/jsonx", "*/*"), Reason::kUnsupportedMediaType);
  EXPECT_EQ(reason("application/json", "text/html"), Reason::kNotAcceptable);
  EXPECT_EQ(reason("application/json", "text/event-stream"), Reason::kNotAcceptable);
  EXPECT_EQ(reason("application/json", "application/json;q=0"), Reason::kNotAcceptable);
}

TEST(GuardsTest, GrpcTimeouts) {
  using namespace std::chrono_literals;
  EXPECT_EQ(ParseGrpcTimeout("100m"), 100ms);
  EXPECT_EQ(ParseGrpcTimeout("2S"), 2s);
  EXPECT_EQ(ParseGrpcTimeout("1H"), 1h);
  EXPECT_EQ(ParseGrpcTimeout("3M"), 3min);
  EXPECT_EQ(ParseGrpcTimeout("99999999u"), 99999999us);
  EXPECT_EQ(ParseGrpcTimeout("5n"), 5ns);
  for (const char* bad : {"", "m", "100", "100x", "-1m", "1.5S", "123456789m", " 1m", "1 m"}) {
    EXPECT_EQ(ParseGrpcTimeout(bad), std::nullopt) << bad;
  }
}

TEST(GuardsTest, TheSmallerTimeoutWins) {
  const auto deadline =
      CallerDeadline(Fields({{"grpc-timeout", "60S"}, {"x-envoy-expected-rq-timeout-ms", "1000"}}));
  ASSERT_TRUE(deadline);
  EXPECT_LE(deadline->remaining(), std::chrono::seconds(1));
  EXPECT_TRUE(CallerDeadline(Fields({})).value().never());
  EXPECT_FALSE(CallerDeadline(Fields({{"grpc-timeout", "soon"}})));
  EXPECT_FALSE(CallerDeadline(Fields({{"x-envoy-expected-rq-timeout-ms", "1s"}})));
}

TEST(HttpPathTest, LeadsToServers) {
  const auto server = [](const char* target) -> std::string {
    const HttpPath path = HttpPath::Parse(target);
    return path.kind == HttpPath::Kind::kMcp ? "<" + path.names + ">" : "no";
  };
  EXPECT_EQ(server("/mcp"), "<>");
  EXPECT_EQ(server("/mcp/"), "<>");
  EXPECT_EQ(server("/mcp?x=1"), "<>");
  EXPECT_EQ(server("/mcp/git"), "<git>");
  EXPECT_EQ(server("/mcp/git/"), "<git>");
  EXPECT_EQ(server("/git/mcp"), "<git>");
  EXPECT_EQ(server("/git/mcp/"), "<git>");
  EXPECT_EQ(server("/a,b/mcp"), "<a,b>");
  EXPECT_EQ(server("/mcp/a%2Cb%2cdev_%"), "<a,b,dev_%>");
  EXPECT_EQ(server("/mcp/%zz%2"), "<%zz%2>");
  for (const char* other : {"/", "", "/mcpx", "/a/b/mcp", "/mcp/a/b", "//mcp", "*"}) {
    EXPECT_EQ(server(other), "no") << other;
  }
  EXPECT_EQ(HttpPath::Parse("/healthz").kind, HttpPath::Kind::kHealthz);
  EXPECT_EQ(HttpPath::Parse("/readyz").kind, HttpPath::Kind::kReadyz);
}

}  // namespace
}  // namespace mcpbridge

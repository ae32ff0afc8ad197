#include "server/frontend/http/cors.h"

#include <gtest/gtest.h>

#include <string>

namespace mcpbridge {
namespace {

namespace http = boost::beast::http;

constexpr char kPage[] = "https://app.example.com";

class CorsTest : public testing::Test {
 protected:
  CorsTest() {
    config_.bridge.allowed_origins = {kPage};
    config_.servers.emplace_back().extra_headers = {"x-tenant"};
    head_.method(http::verb::options);
    head_.set(http::field::origin, kPage);
    head_.set(http::field::access_control_request_method, "POST");
  }

  // The names that a browser may send of those it asks for.
  std::string Allowed(const std::string& asked) {
    head_.set(http::field::access_control_request_headers, asked);
    const std::string headers = AnswerPreflight(head_, config_).value().headers;
    const std::string key = "Access-Control-Allow-Headers: ";
    const std::size_t at = headers.find(key);
    if (at == std::string::npos) return "";
    const std::size_t begin = at + key.size();
    return headers.substr(begin, headers.find('\r', begin) - begin);
  }

  Config config_;
  http::request_header<> head_;
};

TEST_F(CorsTest, APreflightIsAnsweredForWhatTheBridgeReads) {
  EXPECT_EQ(Allowed("authorization,content-type, Accept"), "authorization, content-type, accept");
  EXPECT_EQ(Allowed("mcp-session-id, mcp-protocol-version, last-event-id, mcp-method, mcp-name"),
            "mcp-session-id, mcp-protocol-version, last-event-id, mcp-method, mcp-name");
  EXPECT_EQ(Allowed("Mcp-Param-City, mcp-parameter, x-tenant, x-other, cookie"),
            "mcp-param-city, x-tenant");
  EXPECT_EQ(Allowed("x-other"), "");
  const HttpResponse answer = AnswerPreflight(head_, config_).value();
  EXPECT_EQ(answer.status, 204u);
  EXPECT_NE(answer.headers.find("Access-Control-Allow-Methods: POST, GET, DELETE\r\n"),
            std::string::npos);
  EXPECT_NE(answer.headers.find("Access-Control-Max-Age: "), std::string::npos);
}

TEST_F(CorsTest, OtherRequestsAreNoPreflight) {
  head_.method(http::verb::post);
  EXPECT_FALSE(AnswerPreflight(head_, config_));
  head_.method(http::verb::options);
  EXPECT_TRUE(AnswerPreflight(head_, config_));
  head_.erase(http::field::access_control_request_method);
  EXPECT_FALSE(AnswerPreflight(head_, config_));
  head_.set(http::field::access_control_request_method, "POST");
  head_.erase(http::field::origin);
  EXPECT_FALSE(AnswerPreflight(head_, config_));
}

TEST_F(CorsTest, OnlyOriginsThatAreLetInAreNamed) {
  EXPECT_EQ(CorsHeaders(head_, config_.bridge),
            "Vary: Origin\r\nAccess-Control-Allow-Origin: https://app.example.com\r\n"
            "Access-Control-Expose-Headers: Mcp-Session-Id, WWW-Authenticate\r\n");
  head_.set(http::field::origin, "http://localhost:5173");
  EXPECT_NE(CorsHeaders(head_, config_.bridge).find("Origin: http://localhost:5173\r\n"),
            std::string::npos);
  for (const char* other : {"https://evil.example.com", "null", "*"}) {
    head_.set(http::field::origin, other);
    EXPECT_EQ(CorsHeaders(head_, config_.bridge), "Vary: Origin\r\n") << other;
  }
  head_.erase(http::field::origin);
  EXPECT_EQ(CorsHeaders(head_, config_.bridge), "");
}

}  // namespace
}  // namespace mcpbridge

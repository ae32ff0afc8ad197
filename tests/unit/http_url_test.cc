#include "server/upstream/http_url.h"

#include <gtest/gtest.h>

namespace mcpbridge {
namespace {

TEST(HttpUrlTest, TakesUrlsApart) {
  const auto url = ParseHttpUrl("https://api.example.com:8443/mcp/x?y=1");
  ASSERT_TRUE(url);
  EXPECT_TRUE(url->tls);
  EXPECT_EQ(url->host, "api.example.com");
  EXPECT_EQ(url->port, "8443");
  EXPECT_EQ(url->target, "/mcp/x?y=1");
  EXPECT_EQ(url->Authority(), "api.example.com:8443");
  EXPECT_EQ(ParseHttpUrl("http://h")->target, "/");
  EXPECT_EQ(ParseHttpUrl("http://h?q")->target, "/?q");
  EXPECT_EQ(ParseHttpUrl("http://h:80/")->Authority(), "h");
  EXPECT_EQ(ParseHttpUrl("https://h")->port, "443");
  EXPECT_EQ(ParseHttpUrl("http://[::1]:9/")->host, "::1");
  EXPECT_EQ(ParseHttpUrl("http://[::1]:9/")->Authority(), "[::1]:9");
}

TEST(HttpUrlTest, RefusesTheRest) {
  for (const char* bad :
       {"", "ftp://h/", "http://", "http:///x", "http://u@h/", "http://h/#f", "http://h:x/",
        "http://h:123456/", "http://[::1/", "http://[::1]x/", "h"}) {
    EXPECT_FALSE(ParseHttpUrl(bad)) << bad;
  }
}

}  // namespace
}  // namespace mcpbridge

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

TEST(HttpUrlTest, ResolvesReferencesOnTheSameOrigin) {
  const HttpUrl base = *ParseHttpUrl("https://Example.com/v1/sse?key=1");
  const std::pair<std::string, std::string> good[] = {
      {"/message?s=1", "/message?s=1"},
      {"message", "/v1/message"},
      {"../message/?s=../x#part", "/message/?s=../x"},
      {"./a/./b/..", "/v1/a/"},
      {"../../../up", "/up"},
      {"?s=2", "/v1/sse?s=2"},
      {"a:b" + std::string("/c"), ""},
      {"./a:b", "/v1/a:b"},
      {"https://example.com", "/"},
      {"https://EXAMPLE.com:443/m?s=3", "/m?s=3"},
      {"//example.com/m", "/m"},
      {"https://example.com/a/../m", "/m"}};
  for (const auto& [uri, target] : good) {
    const Result<std::string> found = ResolveOnSameOrigin(base, uri);
    EXPECT_EQ(found ? *found : "", target) << uri;
  }
  for (const char* const uri :
       {"", "#part", "/a b", "/a\r\nX: y", "/\xC3\xA9", "http://example.com/m",
        "//example.com:8443/m", "https://example.com.evil/m", "https://evil@example.com/m",
        "https:///m", "javascript:x"}) {
    EXPECT_FALSE(ResolveOnSameOrigin(base, uri)) << uri;
  }
}

}  // namespace
}  // namespace mcpbridge

#include "server/routing/uri_template.h"

#include <gtest/gtest.h>

#include <string>

namespace mcpbridge {
namespace {

bool Matches(std::string_view pattern, std::string_view uri) {
  return UriTemplate(pattern).Matches(uri);
}

TEST(UriTemplateTest, TextMatchesItselfOnly) {
  EXPECT_TRUE(Matches("a://b", "a://b"));
  EXPECT_FALSE(Matches("a://b", "a://B"));
  EXPECT_FALSE(Matches("a://b", "a://b/"));
  EXPECT_FALSE(Matches("a://b", "xa://b"));
  EXPECT_TRUE(Matches("", ""));
  EXPECT_FALSE(Matches("", "a"));
}

TEST(UriTemplateTest, AVariableIsOneOrMoreCharactersOfASegment) {
  EXPECT_TRUE(Matches("db://{table}/rows/{id}", "db://t/rows/17"));
  EXPECT_TRUE(Matches("db://{table}/rows/{id:3}", "db://t%2Fu/rows/1?x"));
  EXPECT_FALSE(Matches("db://{table}/rows/{id}", "db:///rows/17"));
  EXPECT_FALSE(Matches("db://{table}/rows/{id}", "db://t/rows/"));
  EXPECT_FALSE(Matches("db://{table}/rows/{id}", "db://t/rows/1/2"));
  EXPECT_FALSE(Matches("db://{table}/rows/{id}", "db://t/u/rows/1"));
  EXPECT_TRUE(Matches("{a}-{b}.txt", "x-y-z.txt"));
  EXPECT_TRUE(Matches("{x,y}", "1,2"));
}

TEST(UriTemplateTest, OperatorsThatMatchAnything) {
  EXPECT_TRUE(Matches("file:///{+path}", "file:///a/b/c.txt"));
  EXPECT_TRUE(Matches("file:///{+path}", "file:///"));
  EXPECT_TRUE(Matches("file://{/path*}", "file:///a/b"));
  EXPECT_TRUE(Matches("file://{/path*}/raw", "file:///a/b/raw"));
  EXPECT_FALSE(Matches("file://{/path*}/raw", "file:///a/b/cooked"));
}

TEST(UriTemplateTest, OperatorsThatBeginWithThemselves) {
  EXPECT_TRUE(Matches("a:b{?q,r}", "a:b?q=1&r=/x"));
  EXPECT_TRUE(Matches("a:b{?q,r}", "a:b"));
  EXPECT_FALSE(Matches("a:b{?q,r}", "a:bq=1"));
  EXPECT_TRUE(Matches("a:b?x=1{&y}", "a:b?x=1&y=2"));
  EXPECT_TRUE(Matches("a:b{#part}", "a:b#x/y"));
  EXPECT_TRUE(Matches("a:b{.ext}", "a:b.json"));
  EXPECT_FALSE(Matches("a:b{.ext}", "a:b.x/y"));
  EXPECT_TRUE(Matches("a:b{/one}", "a:b/1"));
  EXPECT_FALSE(Matches("a:b{/one}", "a:b/1/2"));
  EXPECT_TRUE(Matches("a:b{/one,two}", "a:b/1/2"));
  EXPECT_TRUE(Matches("a:b{;p}", "a:b;p=5"));
}

TEST(UriTemplateTest, WhatIsNoExpressionIsText) {
  EXPECT_TRUE(Matches("a{", "a{"));
  EXPECT_TRUE(Matches("a{}b", "a{}b"));
  EXPECT_TRUE(Matches("a{=x}b", "a{=x}b"));
  EXPECT_TRUE(Matches("a}{b}", "a}x"));
  EXPECT_FALSE(Matches("a{}b", "axb"));
}

TEST(UriTemplateTest, ManyVariablesTakeNoLongTime) {
  std::string pattern;
  for (int i = 0; i < 40; ++i) pattern += "{+a}x";
  EXPECT_FALSE(Matches(pattern + "y", std::string(8000, 'x')));
  EXPECT_TRUE(Matches("{+a}", std::string(8192, 'x')));
  EXPECT_FALSE(Matches("{+a}", std::string(8193, 'x')));
  EXPECT_FALSE(Matches("{+a}" + std::string(8192, 'x'), std::string(8192, 'x')));
}

}  // namespace
}  // namespace mcpbridge

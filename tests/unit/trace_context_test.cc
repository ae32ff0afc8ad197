#include "server/trace/trace_context.h"

#include <gtest/gtest.h>

#include <string>

namespace mcpbridge {
namespace {

constexpr char kParent[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

TEST(TraceContextTest, ReadsAndWrites) {
  const auto context = ParseTraceParent(kParent, "a=1");
  ASSERT_TRUE(context);
  EXPECT_EQ(context->trace_id, "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(context->span_id, "b7ad6b7169203331");
  EXPECT_TRUE(context->sampled);
  EXPECT_EQ(context->state, "a=1");
  EXPECT_EQ(context->Parent(), kParent);
  const std::string later = "01" + std::string(kParent).substr(2) + "-more";
  ASSERT_TRUE(ParseTraceParent(later, ""));
  EXPECT_EQ(ParseTraceParent(later, "")->Parent(), kParent) << "in the version that is known";
  EXPECT_EQ(ParseTraceParent(kParent, std::string(513, 'a'))->state, "");
  EXPECT_EQ(ParseTraceParent(kParent, "a\r\nb")->state, "");
}

TEST(TraceContextTest, PutsItIntoParams) {
  const auto context = ParseTraceParent(kParent, "a=\"1\"");
  EXPECT_EQ(
      WithTraceMeta(R"({"name":"t","_meta":{"progressToken":1,"traceparent":"old"}})", *context),
      R"({"name":"t","_meta":{"tracestate":"a=\"1\"","progressToken":1,"traceparent":")" +
          std::string(kParent) + "\"}}");
  EXPECT_EQ(TraceOfMeta(WithTraceMeta("", *context)).parent, kParent);
  EXPECT_EQ(TraceOfMeta(R"({"arguments":{"traceparent":"x"}})").parent, "");
  EXPECT_EQ(TraceOfMeta(R"({"_meta":{"traceparent":7}})").parent, "");
  EXPECT_EQ(WithTraceMeta("[]", *context), "[]");
}

}  // namespace
}  // namespace mcpbridge

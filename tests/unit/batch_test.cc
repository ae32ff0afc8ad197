#include "server/jsonrpc/batch.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace mcpbridge::jsonrpc {
namespace {

using Messages = std::vector<std::string>;

Result<Messages> Split(const std::string& json, std::size_t max = 3) {
  Parser parser;
  Text text(json);
  return SplitBatch(parser, text, max);
}

TEST(BatchTest, EachMessageAsItStands) {
  EXPECT_EQ(Split("[{}]").value(), (Messages{"{}"}));
  EXPECT_EQ(Split(" [ {\"a\" : [1,\"]\"]} ,\n[2, 3], {\"n\":9007199254740993} ] ").value(),
            (Messages{"{\"a\" : [1,\"]\"]}", "[2, 3]", "{\"n\":9007199254740993}"}));
  EXPECT_EQ(Split(R"(["x",null,1e400])").value(), (Messages{"\"x\"", "null", "1e400"}));
}

TEST(BatchTest, OthersAreRefused) {
  for (const char* bad : {"[", "[{}", "[{},]", "[{} {}]", "[{}]x", "[{\"a\":01}]", "[{\"a\":}]",
                          "[\"\\x\"]", "{}", "", "[{}][{}]"}) {
    const auto messages = Split(bad);
    ASSERT_FALSE(messages) << bad;
    EXPECT_EQ(messages.error().reason, Reason::kInvalidJson) << bad;
  }
  for (const char* bad : {"[]", " [ ] ", "[1,2,3,4]"}) {
    const auto messages = Split(bad);
    ASSERT_FALSE(messages) << bad;
    EXPECT_EQ(messages.error().reason, Reason::kInvalidRequest) << bad;
  }
}

}  // namespace
}  // namespace mcpbridge::jsonrpc

#include "server/jsonrpc/id_scanner.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace mcpbridge::jsonrpc {
namespace {

std::string IdIn(std::string_view text) {
  IdScanner scanner;
  scanner.Feed(text);
  return scanner.id();
}

TEST(IdScannerTest, FindsTheIdOfTheOutermostObject) {
  EXPECT_EQ(IdIn(R"({"jsonrpc":"2.0","id":17,"result":{"id":4,"a":[{"id":5}]}})"), "17");
  EXPECT_EQ(IdIn(R"({"result":{"id":4,"text":"\"id\":9,}{"},"jsonrpc":"2.0","id" : -3 })"), "-3");
  EXPECT_EQ(IdIn(R"( {"id":1})"), "1");
  EXPECT_EQ(IdIn(R"({"a":"id","id":2,"b":"\\"})"), "2");
}

TEST(IdScannerTest, WhatIsNoIntegerIsNoId) {
  EXPECT_EQ(IdIn(R"({"id":"17","result":{}})"), "");
  EXPECT_EQ(IdIn(R"({"id":1.5,"result":{}})"), "");
  EXPECT_EQ(IdIn(R"({"id":{"id":3},"result":{}})"), "");
  EXPECT_EQ(IdIn(R"({"id":[3],"result":{}})"), "");
  EXPECT_EQ(IdIn(R"({"id":12345678901234567890})"), "");
  EXPECT_EQ(IdIn(R"({"method":"notifications/message","params":{"id":3}})"), "");
  EXPECT_EQ(IdIn(R"([{"id":3}])"), "");
  EXPECT_EQ(IdIn(R"(free text with "id":3, in it)"), "");
  EXPECT_EQ(IdIn("}}}]]{\"id\":3}"), "");
  EXPECT_EQ(IdIn(""), "");
}

TEST(IdScannerTest, PiecesMayBeCutAnywhere) {
  const std::string text = R"({"jsonrpc":"2.0","result":{"t":"\\\"id\":9"},"\u0069d":8,"id":1234})";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    IdScanner scanner;
    scanner.Feed(std::string_view(text).substr(0, cut));
    scanner.Feed(std::string_view(text).substr(cut));
    EXPECT_EQ(scanner.id(), "1234") << cut;
  }
}

}  // namespace
}  // namespace mcpbridge::jsonrpc

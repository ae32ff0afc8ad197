#include "server/upstream/line_reader.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace mcpbridge {
namespace {

std::vector<std::string> Feed(LineReader& reader, std::string_view bytes, std::size_t chunk) {
  std::vector<std::string> lines;
  while (!bytes.empty()) {
    const boost::asio::mutable_buffer space = reader.Space();
    const std::size_t size = std::min({chunk, bytes.size(), space.size()});
    std::memcpy(space.data(), bytes.data(), size);
    bytes.remove_prefix(size);
    reader.Commit(size, [&lines](std::string_view line) {
      lines.emplace_back(line);
      return true;
    });
  }
  return lines;
}

TEST(LineReader, CutsAnywhereGiveTheSameLines) {
  const std::string text = "one\ntwo\r\n\n" + std::string(100, 'x') + "\nrest";
  const std::vector<std::string> expected = {"one", "two", "", std::string(100, 'x')};
  for (std::size_t chunk = 1; chunk <= text.size(); ++chunk) {
    LineReader reader(16);
    EXPECT_EQ(Feed(reader, text, chunk), expected) << chunk;
    EXPECT_EQ(reader.Rest(), "rest") << chunk;
  }
}

TEST(LineReader, GivesRoomForLongLinesAndTakesItBack) {
  LineReader reader(1024);
  const std::string long_line(3 << 20, 'y');
  EXPECT_TRUE(Feed(reader, long_line, 1000).empty());
  EXPECT_EQ(reader.Rest().size(), long_line.size());
  EXPECT_EQ(Feed(reader, "\n", 1), std::vector<std::string>{long_line});
  EXPECT_EQ(reader.Space().size(), 1024u);
}

TEST(LineReader, StopsWhereToldTo) {
  LineReader reader(64);
  std::memcpy(reader.Space().data(), "a\nb\n", 4);
  int calls = 0;
  reader.Commit(4, [&calls](std::string_view) { return ++calls, false; });
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(reader.Rest(), "b\n");
}

TEST(Printable, EscapesControlCharactersAndCuts) {
  EXPECT_EQ(Printable("a\tb\x1b[31m\r\x7f", 100), "a\tb\\x1b[31m\\x0d\\x7f");
  EXPECT_EQ(Printable("\xc2\x9b\xc3\xa9", 100), "\\xc2\\x9b\xc3\xa9");
  EXPECT_EQ(Printable("abcdef", 3), "abc...");
  EXPECT_EQ(Printable("abc", 3), "abc");
}

}  // namespace
}  // namespace mcpbridge

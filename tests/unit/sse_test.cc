#include "server/jsonrpc/sse.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace mcpbridge::jsonrpc {
namespace {

std::vector<SseEvent> Read(const std::string& stream, std::size_t piece) {
  SseParser parser(1000);
  std::vector<SseEvent> events;
  for (std::size_t at = 0; at < stream.size(); at += piece) {
    EXPECT_TRUE(parser.Feed(std::string_view(stream).substr(at, piece), [&](SseEvent&& event) {
      events.push_back(std::move(event));
      return true;
    }));
  }
  return events;
}

TEST(SseTest, ReadsEventsHoweverTheyAreCutAndEnded) {
  const std::string stream =
      "\xEF\xBB\xBF: a comment\n\nid: 1\ndata: \nretry: 250\n\n"
      "event: message\r\ndata: {\"a\":1}\r\n\r\n"
      "data:one\rdata: two\r\rdata: cut off";
  for (const std::size_t piece : {1u, 2u, 3u, 7u, 1000u}) {
    const auto events = Read(stream, piece);
    ASSERT_EQ(events.size(), 3u) << piece;
    EXPECT_EQ(events[0].data, "");
    EXPECT_EQ(events[0].id, "1");
    EXPECT_EQ(events[0].retry_ms, 250);
    EXPECT_EQ(events[1].type, "message");
    EXPECT_EQ(events[1].data, "{\"a\":1}");
    EXPECT_EQ(events[1].id, "1");
    EXPECT_EQ(events[1].retry_ms, -1);
    EXPECT_EQ(events[2].data, "one\ntwo");
  }
}

TEST(SseTest, RefusesAnEventThatIsTooLarge) {
  SseParser parser(10);
  const auto ignore = [](SseEvent&&) { return true; };
  EXPECT_TRUE(parser.Feed("data: 1234\n\n", ignore));
  EXPECT_FALSE(parser.Feed("data: 12345678901\n\n", ignore));
}

TEST(SseTest, SkipsAnEventThatIsTooLargeButForItsId) {
  const std::string x(50, 'x');
  const std::string stream = ": " + x + "\n\n" +                                 // no event at all
                             "data: {\"id\":12,\"result\":\"" + x + "\"}\n\n" +  // one line
                             "id: 7\r\ndata: {\"id\":13,\r\ndata: \"result\":\"" + x +
                             "\",\r\nevent: message\r\ndata: \"a\":1}\r\n\r\n" +
                             "data: {\"id\":14,\"result\":\"short\"}\n\n";
  for (std::size_t piece = 1; piece < stream.size(); ++piece) {
    SseParser parser(40, SseParser::TooLarge::kSkip);
    std::vector<SseEvent> events;
    for (std::size_t at = 0; at < stream.size(); at += piece) {
      EXPECT_TRUE(parser.Feed(std::string_view(stream).substr(at, piece), [&](SseEvent&& event) {
        events.push_back(std::move(event));
        return true;
      }));
    }
    ASSERT_EQ(events.size(), 3u) << piece;
    EXPECT_TRUE(events[0].too_large);
    EXPECT_EQ(events[0].data, "12");
    EXPECT_TRUE(events[1].too_large);
    EXPECT_EQ(events[1].data, "13") << piece;
    EXPECT_EQ(events[1].id, "7");
    EXPECT_EQ(events[1].type, "message");
    EXPECT_FALSE(events[2].too_large);
    EXPECT_EQ(events[2].data, "{\"id\":14,\"result\":\"short\"}");
  }
}

TEST(SseTest, StopsWhenAskedTo) {
  SseParser parser(100);
  int seen = 0;
  EXPECT_TRUE(parser.Feed("data: 1\n\ndata: 2\n\n", [&](SseEvent&&) { return ++seen < 1; }));
  EXPECT_EQ(seen, 1);
}

TEST(SseTest, WritesWhatItReads) {
  const auto events = Read(SseMessage("{\"x\":[]}"), 1000);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].type, "message");
  EXPECT_EQ(events[0].data, "{\"x\":[]}");
}

}  // namespace
}  // namespace mcpbridge::jsonrpc

#include <gtest/gtest.h>

#include <string>

#include "client/print.h"

namespace mcpbridge::client {
namespace {

TEST(McpCallPrint, GivesTextAsItIsAndOtherBlocksALineEach) {
  CallResult result;
  result.content.push_back({.block = TextContent{"two\nlines"}});
  result.content.push_back({.block = ImageContent{std::string(1234, 'x'), "image/png"}});
  result.content.push_back({.block = AudioContent{"x", ""}});
  result.content.push_back({.block = ResourceLink{.uri = "file:///a", .name = "a"}});
  result.content.push_back(
      {.block = EmbeddedResource{.uri = "mem:b", .mime_type = "text/plain", .contents = "12"}});
  result.content.push_back({.block = UnknownContent{R"({"type":"new"})"}});
  EXPECT_EQ(PrintResult(result),
            "two\nlines\n"
            "[image image/png, 1234 bytes]\n"
            "[audio 1 byte]\n"
            "[link file:///a, a]\n"
            "[resource mem:b, text/plain, 2 bytes]\n"
            "[unknown {\"type\":\"new\"}]\n");
}

TEST(McpCallPrint, GivesStructuredContentWhereThereIsNothingElse) {
  CallResult result{.structured_content_json = R"({"a":1})"};
  EXPECT_EQ(PrintResult(result), "{\"a\":1}\n");
  result.content.push_back({.block = TextContent{"text\n"}});
  EXPECT_EQ(PrintResult(result), "text\n");
  EXPECT_EQ(PrintResult({}), "");
}

TEST(McpCallPrint, ListsToolsWithTheFirstLineOfWhatTheyDo) {
  EXPECT_EQ(PrintTools({{.name = "a", .description = "does\nmore"},
                        {.name = "long", .title = "Title\x1b[2J"},
                        {.name = "bare"}}),
            "a     does\nlong  Title\nbare\n");
}

TEST(McpCallPrint, ListsToolsAsJsonWithTheirExactSchemas) {
  EXPECT_EQ(PrintToolsAsJson({{.name = "a\"b",
                               .server = "s",
                               .description = "x\ny",
                               .input_schema_json = R"({ "type":"object" })"}}),
            "{\"name\":\"a\\\"b\",\"server\":\"s\",\"description\":\"x\\u000ay\","
            "\"inputSchema\":{ \"type\":\"object\" }}\n");
}

TEST(McpCallPrint, ShowsProgress) {
  EXPECT_EQ(PrintProgressBar({.progress = 1, .total = 2, .message = "half\x1b[2J"}, 80),
            "[============            ] 50% half");
  EXPECT_EQ(PrintProgressBar({.progress = 9, .total = 2}, 80), "[========================] 100%");
  EXPECT_EQ(PrintProgressBar({.progress = 2.5, .message = "on"}, 80), "2.5 on");
  EXPECT_EQ(PrintProgressBar({.progress = 1, .total = 0, .message = "long"}, 4), "1 lo");
  EXPECT_EQ(PrintProgress({.progress = 5, .total = 10, .message = "m\nn"}), "progress 5/10 m\n");
  EXPECT_EQ(PrintProgress({.progress = 0.25}), "progress 0.25\n");
  EXPECT_EQ(PrintLogMessage({.level = "info", .logger = "l", .data_json = "\"x\""}),
            "info l: \"x\"\n");
}

TEST(McpCallPrint, ListsServers) {
  EXPECT_EQ(PrintServers({{.name = "demo",
                           .transport = Transport::kHttp,
                           .health = Health::kServing,
                           .protocol_version = "2025-11-25"},
                          {.name = "x",
                           .transport = Transport::kStdio,
                           .health = Health::kNotServing,
                           .last_error = "exited with 1"}}),
            "demo  http   serving      2025-11-25\n"
            "x     stdio  not-serving  -  exited with 1\n");
}

TEST(McpCallPrint, SaysHowLargeAnImageIs) {
  using namespace std::string_literals;
  const auto line_of = [](std::string data) {
    CallResult result;
    result.content.push_back({.block = ImageContent{std::move(data), ""}});
    return PrintResult(result);
  };
  const auto png = "\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\x02\x80\0\0\x01\xe0"s;
  EXPECT_EQ(line_of(png), "[image 640x480, 24 bytes]\n");
  EXPECT_EQ(line_of("GIF89a\x03\0\x02\x01"s), "[image 3x258, 10 bytes]\n");
  // A comment of 4 bytes, and then a progressive frame.
  EXPECT_EQ(line_of("\xff\xd8\xff\xfe\0\4ab\xff\xc2\0\x11\x08\0\x10\0\x20"s),
            "[image 32x16, 17 bytes]\n");
  for (std::size_t size = 0; size < png.size(); ++size) {
    EXPECT_EQ(line_of(png.substr(0, size)).find('x'), std::string::npos) << size;
  }
  EXPECT_EQ(line_of("\xff\xd8\xff\xfe\xff\xff"s), "[image 6 bytes]\n");
}

TEST(McpCallPrint, ListsServersAsJson) {
  EXPECT_EQ(PrintServersAsJson({{.name = "demo",
                                 .transport = Transport::kHttp,
                                 .health = Health::kServing,
                                 .protocol_version = "2025-11-25"},
                                {.name = "x", .last_error = "exited \"1\""}}),
            "{\"name\":\"demo\",\"transport\":\"http\",\"health\":\"serving\","
            "\"protocolVersion\":\"2025-11-25\"}\n"
            "{\"name\":\"x\",\"transport\":\"unknown\",\"health\":\"unknown\","
            "\"lastError\":\"exited \\\"1\\\"\"}\n");
}

TEST(McpCallPrint, SaysWhatWentWrongWhyAndWhatToDo) {
  EXPECT_EQ(PrintError({.code = StatusCode::kNotFound,
                        .reason = "TOOL_NOT_FOUND",
                        .message = "no tool named x",
                        .metadata = {{"tool", "x"}}},
                       "h:1"),
            "mcp-call: no tool named x\n"
            "  reason: TOOL_NOT_FOUND tool=x\n"
            "  try: mcp-call --list shows the tools' names\n");
  EXPECT_EQ(PrintError({.code = StatusCode::kUnavailable, .message = "refused"}, "h:1"),
            "mcp-call: refused\n"
            "  reason: UNAVAILABLE\n"
            "  try: is mcp-bridge running, and is h:1 its gRPC address? --address sets another\n");
  EXPECT_NE(
      PrintError({.code = StatusCode::kUnavailable, .message = "Peer name is not in certificate"},
                 "h")
          .find("--tls_name"),
      std::string::npos);
  EXPECT_EQ(PrintError({.code = StatusCode::kResourceExhausted,
                        .reason = "OVERLOADED",
                        .message = "too many",
                        .retry_after = std::chrono::seconds(1)},
                       "h"),
            "mcp-call: too many\n"
            "  reason: OVERLOADED\n"
            "  the tool did not run; a retry may succeed after 1000 ms\n");
  EXPECT_EQ(PrintError({.code = StatusCode::kUnavailable,
                        .reason = "UPSTREAM_HTTP_STATUS",
                        .message = "HTTP 503",
                        .retry_after = std::chrono::seconds(2)},
                       "h"),
            "mcp-call: HTTP 503\n"
            "  reason: UPSTREAM_HTTP_STATUS\n"
            "  not before another 2000 ms\n");
}

TEST(McpCallPrint, ExitCodesAreThoseOfTheHelp) {
  EXPECT_EQ(ExitCodeOf({.code = StatusCode::kNotFound}), 3);
  EXPECT_EQ(ExitCodeOf({.code = StatusCode::kInvalidArgument}), 3);
  EXPECT_EQ(ExitCodeOf({.code = StatusCode::kDeadlineExceeded}), 4);
  EXPECT_EQ(ExitCodeOf({.code = StatusCode::kUnavailable}), 5);
  EXPECT_EQ(ExitCodeOf({.code = StatusCode::kResourceExhausted}), 5);
  EXPECT_EQ(ExitCodeOf({.code = StatusCode::kUnauthenticated}), 6);
  EXPECT_EQ(ExitCodeOf({.code = StatusCode::kPermissionDenied}), 6);
  EXPECT_EQ(ExitCodeOf({.code = StatusCode::kInternal}), 7);
}

}  // namespace
}  // namespace mcpbridge::client

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

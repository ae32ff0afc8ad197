#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "client/completion.h"

namespace mcpbridge::client {
namespace {

using Kind = TypedWord::Kind;

TEST(McpCallCompletion, KnowsWhatIsBeingTyped) {
  struct Row {
    std::string line;
    Kind kind;
    std::string begun;
  };
  for (const auto& row : std::vector<Row>{
           {"mcp-call ", Kind::kTool, ""},
           {"mcp-call my_", Kind::kTool, "my_"},
           {"build/release/bin/mcp-call my_", Kind::kTool, "my_"},
           {"mcp-call --timeout 2s my_", Kind::kTool, "my_"},
           {"mcp-call --json my_", Kind::kTool, "my_"},
           {"mcp-call -- my_", Kind::kTool, "my_"},
           {"mcp-call my_tool ", Kind::kNothing, ""},
           {"mcp-call my_tool '{\"a\": 1", Kind::kNothing, "{\"a\": 1"},
           {"mcp-call --list ", Kind::kNothing, ""},
           {"mcp-call --servers ", Kind::kNothing, ""},
           {"mcp-call --", Kind::kFlag, "--"},
           {"mcp-call my_tool --js", Kind::kFlag, "--js"},
           {"mcp-call -- --js", Kind::kTool, "--js"},
           {"mcp-call --server de", Kind::kServer, "de"},
           {"mcp-call --server=de", Kind::kServer, "de"},
           {"mcp-call --completion ", Kind::kShell, ""},
           {"mcp-call --timeout 2", Kind::kNothing, "2"},
           {"mcp-call --unknown my_", Kind::kTool, "my_"},
           {"mcp-call first | mcp-call --server x sec", Kind::kTool, "sec"},
           {"", Kind::kTool, ""},
       }) {
    const auto typed = TypedWordOf(row.line);
    EXPECT_EQ(typed.kind, row.kind) << row.line;
    EXPECT_EQ(typed.begun, row.begun) << row.line;
  }
}

TEST(McpCallCompletion, TakesTheFlagsThatLeadToTheBridge) {
  EXPECT_EQ(
      TypedWordOf("mcp-call --address 'unix:/a b' --tls --json --server=x --timeout 2s "
                  "--tls_name \"n\" ec")
          .connection,
      (std::vector<std::string>{"--address=unix:/a b", "--tls", "--server=x", "--tls_name=n"}));
}

TEST(McpCallCompletion, PrintsWhatGoesOnAsBegun) {
  EXPECT_EQ(PrintCandidates(
                {{"echo", "Answers its text.\nMore."}, {"sleep", ""}, {"eat", "\x1b[m"}}, "e"),
            "echo\tAnswers its text.\neat\t[m\n");
}

TEST(McpCallCompletion, LeavesOutNamesThatAShellWouldRun) {
  EXPECT_EQ(
      PrintCandidates({{"$(reboot)", ""}, {"a;b", ""}, {"a b", ""}, {"", ""}, {"a-b_c.1", ""}}, ""),
      "a-b_c.1\n");
}

TEST(McpCallCompletion, HasAScriptForEachOfThreeShells) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const auto script = CompletionScript(shell);
    ASSERT_TRUE(script.has_value()) << shell;
    EXPECT_NE(script->find("mcp-call --complete"), std::string::npos) << shell;
  }
  EXPECT_EQ(CompletionScript("tcsh"), std::nullopt);
}

}  // namespace
}  // namespace mcpbridge::client

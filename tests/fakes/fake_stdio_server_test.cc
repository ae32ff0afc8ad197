#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <vector>

#include "tests/fakes/fake_json.h"
#include "tests/fakes/temp_folder.h"
#include "tests/fakes/test_process.h"

namespace mcpbridge {
namespace {

using std::chrono::milliseconds;

// Long enough for a wrong answer to show.
constexpr milliseconds kSilence{50};

std::vector<std::string> Command(const std::vector<std::string>& flags = {}) {
  std::vector<std::string> command = {FAKE_STDIO_SERVER};
  command.insert(command.end(), flags.begin(), flags.end());
  return command;
}

std::string Call(int id, const std::string& tool, const std::string& arguments = "{}") {
  return R"({"jsonrpc":"2.0","id":)" + std::to_string(id) +
         R"(,"method":"tools/call","params":{"name":")" + tool + R"(","arguments":)" + arguments +
         "}}";
}

std::string Cancel(int id) {
  return R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":)" +
         std::to_string(id) + "}}";
}

std::string Answer(int id, const std::string& text) {
  return ResultMessage(std::to_string(id), TextResult(JsonQuote(text)));
}

TEST(FakeStdioServerTest, Answers) {
  TestProcess server(Command(), {"FAKE_VARIABLE=here"});
  server.WriteLine(R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{}})");
  EXPECT_NE(server.ReadLine().value_or("").find("2025-11-25"), std::string::npos);
  server.WriteLine(Call(2, "echo", R"({"text":"a\nb"})"));
  EXPECT_EQ(server.ReadLine(), Answer(2, "a\nb"));
  server.WriteLine(Call(3, "env"));
  EXPECT_NE(server.ReadLine().value_or("").find("FAKE_VARIABLE=here"), std::string::npos);
  server.WriteLine(Call(4, "nosuch"));
  EXPECT_NE(server.ReadLine().value_or("").find("-32602"), std::string::npos);
  server.CloseInput();
  EXPECT_EQ(server.Wait(), 0);
}

TEST(FakeStdioServerTest, ObeysAndRecordsCancellation) {
  TestProcess server(Command());
  server.WriteLine(Call(1, "late"));
  server.WriteLine(Call(2, "sleep", R"({"ms":60000})"));
  server.WriteLine(Call(3, "sleep", R"({"ms":1})"));
  EXPECT_EQ(server.ReadLine(), Answer(3, "slept 1"));
  server.WriteLine(Cancel(2));
  server.WriteLine(Cancel(1));
  EXPECT_EQ(server.ReadLine(), Answer(1, "late"));
  server.WriteLine(Call(4, "cancels"));
  EXPECT_NE(server.ReadLine().value_or("").find("2\\u000a1\\u000a"), std::string::npos);
}

TEST(FakeStdioServerTest, TalksNonsense) {
  TestProcess server(Command());
  server.WriteLine(Call(1, "garbage"));
  EXPECT_EQ(server.ReadLine(), "this is no JSON {");
  EXPECT_EQ(server.ReadLine(), Answer(1, "garbage"));
  server.WriteLine(Call(2, "wrong_id"));
  EXPECT_EQ(server.ReadLine(), Answer(987654321, "for nobody"));
  EXPECT_EQ(server.ReadLine(), Answer(2, "wrong_id"));
  server.WriteLine(Call(3, "twice"));
  EXPECT_EQ(server.ReadLine(), Answer(3, "twice"));
  EXPECT_EQ(server.ReadLine(), Answer(3, "twice"));
  server.WriteLine(Call(4, "huge", R"({"n":300000})"));
  EXPECT_EQ(server.ReadLine(), Answer(4, std::string(300000, 'x')));
}

TEST(FakeStdioServerTest, Crashes) {
  EXPECT_EQ(TestProcess(Command({"--crash_at_start"})).Wait(), 3);
  TestProcess server(Command());
  server.WriteLine(Call(1, "crash"));
  EXPECT_EQ(server.Wait(), 3);
  EXPECT_EQ(server.ReadLine(), std::nullopt);

  const TempFolder folder;
  const std::vector<std::string> once = Command({"--crash_once=" + folder.path() + "/crashed"});
  EXPECT_EQ(TestProcess(once).Wait(), 3);
  TestProcess second(once);
  second.CloseInput();
  EXPECT_EQ(second.Wait(), 0);
}

TEST(FakeStdioServerTest, ClosesItsOutputAndHangs) {
  TestProcess server(Command({"--hang_in_initialize"}));
  server.WriteLine(R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{}})");
  EXPECT_EQ(server.ReadLine(kSilence), std::nullopt);
  server.WriteLine(Call(2, "close_stdout"));
  EXPECT_EQ(server.ReadLine(), std::nullopt);
  EXPECT_EQ(server.Wait(milliseconds(0)), std::nullopt);
}

TEST(FakeStdioServerTest, RefusesToGo) {
  TestProcess server(Command({"--ignore_stdin_eof", "--ignore_sigterm", "--spawn_grandchild"}));
  server.WriteLine(Call(1, "pids"));
  const std::string line = server.ReadLine().value_or("");
  const std::string own = std::to_string(server.pid()) + " ";
  const std::size_t at = line.find(own);
  ASSERT_NE(at, std::string::npos) << line;
  const pid_t grandchild = std::stoi(line.substr(at + own.size()));
  server.CloseInput();
  server.Signal(SIGTERM);
  ::kill(grandchild, SIGTERM);
  EXPECT_EQ(server.Wait(kSilence), std::nullopt);
  EXPECT_EQ(::kill(grandchild, 0), 0);
  server.Signal(SIGKILL);
  EXPECT_EQ(server.Wait(), -SIGKILL);
  EXPECT_EQ(::kill(grandchild, SIGKILL), 0);
}

}  // namespace
}  // namespace mcpbridge

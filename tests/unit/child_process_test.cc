#include "server/upstream/child_process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <thread>

namespace mcpbridge {
namespace {

using Env = std::map<std::string, std::string>;

// Waits until the process `pid` is no more (or a zombie, which its new parent takes).
bool Gone(pid_t pid) {
  const int fd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  if (fd < 0) return errno == ESRCH;
  pollfd wait{.fd = fd, .events = POLLIN, .revents = 0};
  const int ready = ::poll(&wait, 1, 10'000);
  ::close(fd);
  return ready == 1;
}

class ChildProcessTest : public testing::Test {
 protected:
  ChildProcessTest()
      : folder_(testing::TempDir() + "/child_process_test." + std::to_string(getpid())) {
    std::filesystem::create_directories(folder_);
  }
  ~ChildProcessTest() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<ChildProcess> Start(std::string command, std::vector<std::string> args = {},
                                      Env env = {{"PATH", "/usr/bin:/bin"}}) {
    auto child = ChildProcess::Start(io_, {std::move(command), std::move(args), std::move(env)});
    if (child) return std::move(child.value());
    ADD_FAILURE() << child.error().message;
    return nullptr;
  }

  std::string StartError(std::string command, Env env = {{"PATH", "/usr/bin:/bin"}}) {
    auto child = ChildProcess::Start(io_, {std::move(command), {}, std::move(env)});
    if (child) return "started";
    EXPECT_EQ(child.error().reason, Reason::kUpstreamUnavailable);
    return child.error().message;
  }

  static std::string ReadAll(ChildProcess& child) {
    std::string out;
    boost::system::error_code end;
    boost::asio::read(child.out(), boost::asio::dynamic_buffer(out), end);
    EXPECT_EQ(end, boost::asio::error::eof);
    return out;
  }

  static std::string ReadLine(ChildProcess& child) {
    std::string out;
    boost::asio::read_until(child.out(), boost::asio::dynamic_buffer(out), '\n');
    return out.substr(0, out.find('\n'));
  }

  std::string WriteFile(const std::string& name, const std::string& content, ::mode_t mode) {
    const std::string path = folder_ + "/" + name;
    std::ofstream(path) << content;
    ::chmod(path.c_str(), mode);
    return path;
  }

  const std::string folder_;
  boost::asio::io_context io_;
};

TEST_F(ChildProcessTest, EnvironmentIsExactlyWhatIsGiven) {
  ::setenv("MCPBRIDGE_TEST_SECRET", "s3cret", 1);
  auto child = Start("/usr/bin/env", {}, {{"A", "1"}, {"B", "two words"}, {"C", ""}});
  EXPECT_EQ(ReadAll(*child), "A=1\nB=two words\nC=\n");
  auto bare = Start("/usr/bin/env", {}, {});
  EXPECT_EQ(ReadAll(*bare), "");
}

TEST_F(ChildProcessTest, SixNamesArePassedOnUnlessConfigured) {
  const Env names = {{"HOME", "/h"},  {"LOGNAME", "l"}, {"PATH", std::getenv("PATH")},
                     {"SHELL", "/s"}, {"TERM", "t"},    {"USER", "u"}};
  for (const auto& [name, value] : names) ::setenv(name.c_str(), value.c_str(), 1);
  ::setenv("MCPBRIDGE_TEST_SECRET", "s3cret", 1);
  EXPECT_EQ(ChildEnvironment({}), names);

  Env expected = names;
  expected["HOME"] = "/other";
  expected["KEY"] = "value";
  EXPECT_EQ(ChildEnvironment({{"HOME", "/other"}, {"KEY", "value"}}), expected);

  ::setenv("TERM", "() { :; }", 1);
  ::unsetenv("SHELL");
  expected = names;
  expected.erase("TERM");
  expected.erase("SHELL");
  EXPECT_EQ(ChildEnvironment({}), expected);
}

TEST_F(ChildProcessTest, SaysWhyAProgramCannotStart) {
  EXPECT_EQ(StartError("no-such-program"), "cannot start \"no-such-program\": not found in PATH");
  EXPECT_EQ(StartError("/no/such/program"),
            "cannot start \"/no/such/program\": No such file or directory");
  const std::string text = WriteFile("plain", "hello", 0644);
  EXPECT_EQ(StartError(text), "cannot start \"" + text + "\": Permission denied");
  const std::string garbage = WriteFile("garbage", "hello", 0755);
  EXPECT_EQ(StartError(garbage), "cannot start \"" + garbage + "\": Exec format error");
}

TEST_F(ChildProcessTest, LooksTheProgramUpInTheChildsOwnPath) {
  WriteFile("only-here", "#!/bin/sh\necho \"$0|$1\"\n", 0755);
  WriteFile("sub-path", "not executable", 0644);
  auto child = Start("only-here", {"a b"}, {{"PATH", "/nowhere:" + folder_ + ":/usr/bin:/bin"}});
  EXPECT_EQ(ReadAll(*child), folder_ + "/only-here|a b\n");
  EXPECT_EQ(StartError("only-here"), "cannot start \"only-here\": not found in PATH");
  EXPECT_EQ(StartError("sub-path", {{"PATH", folder_}}),
            "cannot start \"sub-path\": not found in PATH");
}

TEST_F(ChildProcessTest, InheritsNoDescriptor) {
  const int leaky = ::open("/dev/null", O_RDONLY);  // deliberately not close-on-exec
  ASSERT_GE(leaky, 0);
  auto other = Start("cat");
  auto child =
      Start("sh", {"-c", "for fd in $(seq 0 63); do test -e /proc/$$/fd/$fd && echo $fd; done"});
  EXPECT_EQ(ReadAll(*child), "0\n1\n2\n");
  ::close(leaky);
}

TEST_F(ChildProcessTest, HasDefaultSignalsAndItsOwnGroup) {
  sigset_t usr1;
  sigset_t before;
  ::sigemptyset(&usr1);
  ::sigaddset(&usr1, SIGUSR1);
  ::pthread_sigmask(SIG_BLOCK, &usr1, &before);
  const auto old = ::signal(SIGINT, SIG_IGN);
  auto child = Start("cat", {"/proc/self/status"});
  ::signal(SIGINT, old);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  EXPECT_EQ(::getpgid(child->pid()), child->pid());
  const std::string status = ReadAll(*child);
  EXPECT_NE(status.find("SigBlk:\t0000000000000000"), std::string::npos) << status;
  EXPECT_NE(status.find("SigIgn:\t0000000000000000"), std::string::npos) << status;
}

TEST_F(ChildProcessTest, TellsHowItEnded) {
  for (const auto& [script, status] : std::map<std::string, std::string>{
           {"exit 3", "exit status 3"}, {"kill -TERM $$", "signal 15 (Terminated)"}}) {
    auto child = Start("sh", {"-c", script});
    bool ended = false;
    child->ended().async_wait(ChildProcess::Descriptor::wait_read,
                              [&ended](boost::system::error_code error) { ended = !error; });
    io_.restart();
    io_.run();
    EXPECT_TRUE(ended);
    EXPECT_EQ(child->Reap(), status);
    EXPECT_EQ(child->Reap(), status);
  }
}

TEST_F(ChildProcessTest, ReapAndDestructorLeaveNothingOfTheGroup) {
  const std::string script = "trap '' TERM INT HUP; (sleep 1000) & echo $!; ";
  auto waits = Start("sh", {"-c", script + "wait"});
  const pid_t first = std::stoi(ReadLine(*waits));
  const pid_t leader = waits->pid();
  waits.reset();
  EXPECT_TRUE(Gone(first));
  EXPECT_EQ(::kill(leader, 0), -1);

  auto leaves = Start("sh", {"-c", script + "exit 7"});
  const pid_t second = std::stoi(ReadLine(*leaves));
  pollfd wait{.fd = leaves->ended().native_handle(), .events = POLLIN, .revents = 0};
  ASSERT_EQ(::poll(&wait, 1, 10'000), 1);
  EXPECT_EQ(leaves->Reap(), "exit status 7");
  EXPECT_TRUE(Gone(second));
}

TEST_F(ChildProcessTest, EndsWithTheThreadThatStartedIt) {
  std::unique_ptr<ChildProcess> child;
  std::thread([&] { child = Start("sleep", {"1000"}); }).join();
  EXPECT_TRUE(Gone(child->pid()));
  EXPECT_EQ(child->Reap(), "signal 9 (Killed)");
}

}  // namespace
}  // namespace mcpbridge

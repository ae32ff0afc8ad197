#include "tests/fakes/test_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stdexcept>
#include <utility>

extern char** environ;

namespace mcpbridge {
namespace {

int PollFor(int fd, std::chrono::milliseconds patience) {
  pollfd wait{.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&wait, 1, static_cast<int>(patience.count()));
}

std::vector<char*> Pointers(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (const std::string& text : strings) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

TestProcess::TestProcess(const std::vector<std::string>& arguments,
                         const std::vector<std::string>& environment) {
  std::vector<std::string> all_environment = environment;
  for (char** entry = environ; *entry != nullptr; ++entry) all_environment.emplace_back(*entry);
  const std::vector<char*> argv = Pointers(arguments);
  const std::vector<char*> envp = Pointers(all_environment);
  int in[2];
  int out[2];
  if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0) {
    throw std::runtime_error("pipe2 failed");
  }
  pid_ = ::fork();
  if (pid_ == 0) {
    ::dup2(in[0], STDIN_FILENO);
    ::dup2(out[1], STDOUT_FILENO);
    ::execve(argv[0], argv.data(), envp.data());
    ::_exit(127);
  }
  ::close(in[0]);
  ::close(out[1]);
  input_ = in[1];
  output_ = out[0];
  pid_fd_ = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));
  ::signal(SIGPIPE, SIG_IGN);
}

TestProcess::~TestProcess() {
  CloseInput();
  if (!status_) {
    ::kill(pid_, SIGKILL);
    Wait();
  }
  ::close(output_);
  ::close(pid_fd_);
}

void TestProcess::WriteLine(const std::string& line) {
  const std::string bytes = line + "\n";
  std::size_t at = 0;
  while (at < bytes.size()) {
    const ssize_t written = ::write(input_, bytes.data() + at, bytes.size() - at);
    if (written < 0) return;
    at += static_cast<std::size_t>(written);
  }
}

void TestProcess::CloseInput() {
  if (input_ >= 0) ::close(std::exchange(input_, -1));
}

std::optional<std::string> TestProcess::ReadLine(std::chrono::milliseconds patience) {
  for (;;) {
    const std::size_t end = read_.find('\n');
    if (end != std::string::npos) {
      std::string line = read_.substr(0, end);
      read_.erase(0, end + 1);
      return line;
    }
    char bytes[65536];
    if (PollFor(output_, patience) <= 0) return std::nullopt;
    const ssize_t size = ::read(output_, bytes, sizeof bytes);
    if (size <= 0) return std::nullopt;
    read_.append(bytes, static_cast<std::size_t>(size));
  }
}

void TestProcess::Signal(int signal) { ::kill(pid_, signal); }

std::optional<int> TestProcess::Wait(std::chrono::milliseconds patience) {
  if (status_) return status_;
  if (PollFor(pid_fd_, patience) <= 0) return std::nullopt;
  int status = 0;
  ::waitpid(pid_, &status, 0);
  status_ = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  return status_;
}

}  // namespace mcpbridge

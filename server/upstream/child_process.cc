#include "server/upstream/child_process.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>

namespace mcpbridge {
namespace {

constexpr int kReportFd = 3;  // in the child, until exec: where an errno goes

class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd() { Close(); }

  int get() const { return fd_; }
  int Release() { return std::exchange(fd_, -1); }
  void Close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_;
};

struct Pipe {
  Fd read;
  Fd write;
};

// Close-on-exec, and above the numbers that the child puts its own descriptors at.
bool Open(Pipe& pipe) {
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC) != 0) return false;
  pipe = {Fd(fds[0]), Fd(fds[1])};
  for (Fd* end : {&pipe.read, &pipe.write}) {
    if (end->get() > kReportFd) continue;
    Fd moved(::fcntl(end->get(), F_DUPFD_CLOEXEC, kReportFd + 1));
    if (moved.get() < 0) return false;
    *end = std::move(moved);
  }
  return true;
}

// Everything the child needs, made before fork().
struct ExecPlan {
  const char* path;
  char* const* argv;
  char* const* envp;
  int in;
  int out;
  int err;
  int report;
  pid_t parent;
};

// The child between fork() and exec(). The process had other threads, so only async-signal-safe
// calls are allowed: no allocation, no lock (man 7 signal-safety).
[[noreturn]] void Exec(const ExecPlan& plan) noexcept {
  const auto fail = [&plan](int report) {
    const int error = errno;
    [[maybe_unused]] const ssize_t written = ::write(report, &error, sizeof(error));
    ::_exit(127);
  };
  if (::setpgid(0, 0) != 0) fail(plan.report);
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) fail(plan.report);
  if (::getppid() != plan.parent) ::_exit(127);  // it ended before prctl(): nobody would tell us

  if (::dup2(plan.in, STDIN_FILENO) < 0 || ::dup2(plan.out, STDOUT_FILENO) < 0 ||
      ::dup2(plan.err, STDERR_FILENO) < 0) {
    fail(plan.report);
  }
  if (::dup3(plan.report, kReportFd, O_CLOEXEC) < 0) fail(plan.report);
  if (::close_range(kReportFd + 1, ~0U, 0) != 0) fail(kReportFd);

  struct sigaction action = {};
  action.sa_handler = SIG_DFL;
  for (int signal = 1; signal <= SIGRTMAX; ++signal) ::sigaction(signal, &action, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);

  ::execve(plan.path, plan.argv, plan.envp);
  fail(kReportFd);
  ::_exit(127);
}

// Holds all signals back on this thread, so that no handler of ours runs in the child.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

void BlockSigpipe() {
  sigset_t pipe;
  ::sigemptyset(&pipe);
  ::sigaddset(&pipe, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
}

// Whoever started us may have left SIGCHLD ignored: then the kernel would reap our children itself,
// and a process group's number could be another's by the time it is signalled.
void KeepChildrenReapable() {
  struct sigaction action = {};
  if (::sigaction(SIGCHLD, nullptr, &action) == 0 && action.sa_handler == SIG_IGN) {
    ::signal(SIGCHLD, SIG_DFL);
  }
}

int WaitFor(pid_t pid, siginfo_t& info, int options) {
  int result;
  do {
    info = {};
    result = ::waitid(P_PID, static_cast<id_t>(pid), &info, options);
  } while (result != 0 && errno == EINTR);
  return result;
}

// glibc 2.36 declares pidfd_open() without extern "C", so C++ can't link to it.
int OpenPidfd(pid_t pid) { return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)); }

// 0: the program runs. Otherwise the errno of what failed, and the child is gone.
int WaitForExec(pid_t pid, int report) {
  int error = 0;
  ssize_t size;
  do {
    size = ::read(report, &error, sizeof(error));
  } while (size < 0 && errno == EINTR);
  if (size == 0) return 0;
  siginfo_t info;
  WaitFor(pid, info, WEXITED);
  return size == sizeof(error) ? error : EIO;
}

bool IsProgram(const std::string& path) {
  struct stat status;
  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
         ::access(path.c_str(), X_OK) == 0;
}

// As execvpe() would find it, but in the child's PATH; empty: nowhere.
std::string FindProgram(const ChildCommand& command) {
  if (command.command.find('/') != std::string::npos) return command.command;
  const auto configured = command.env.find("PATH");
  std::string_view left =
      configured == command.env.end() ? std::string_view("/bin:/usr/bin") : configured->second;
  for (;;) {
    const std::size_t colon = left.find(':');
    const std::string_view folder = left.substr(0, colon);
    std::string path = folder.empty() ? std::string(".") : std::string(folder);
    path += '/';
    path += command.command;
    if (IsProgram(path)) return path;
    if (colon == std::string_view::npos) return {};
    left.remove_prefix(colon + 1);
  }
}

std::vector<char*> Pointers(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (std::string& string : strings) pointers.push_back(string.data());
  pointers.push_back(nullptr);
  return pointers;
}

Error CannotStart(const ChildCommand& command, std::string_view why) {
  return Error{.reason = Reason::kUpstreamUnavailable,
               .message = "cannot start \"" + command.command + "\": " + std::string(why)};
}

std::string Describe(const siginfo_t& info) {
  if (info.si_code == CLD_EXITED) return "exit status " + std::to_string(info.si_status);
  const char* name = ::sigdescr_np(info.si_status);
  return "signal " + std::to_string(info.si_status) + " (" + (name ? name : "unknown") + ")";
}

}  // namespace

std::map<std::string, std::string> ChildEnvironment(
    const std::map<std::string, std::string>& configured) {
  std::map<std::string, std::string> env = configured;
  for (const char* name : {"HOME", "LOGNAME", "PATH", "SHELL", "TERM", "USER"}) {
    const char* value = std::getenv(name);
    // A value that begins so is a shell function, which the SDKs leave out too.
    if (value == nullptr || std::string_view(value).starts_with("()")) continue;
    env.try_emplace(name, value);
  }
  return env;
}

Result<std::unique_ptr<ChildProcess>> ChildProcess::Start(boost::asio::io_context& io,
                                                          const ChildCommand& command) {
  const std::string path = FindProgram(command);
  if (path.empty()) return CannotStart(command, "not found in PATH");

  std::vector<std::string> arguments{command.command};
  arguments.insert(arguments.end(), command.args.begin(), command.args.end());
  std::vector<std::string> environment;
  for (const auto& [name, value] : command.env) environment.push_back(name + "=" + value);
  const std::vector<char*> argv = Pointers(arguments);
  const std::vector<char*> envp = Pointers(environment);

  Pipe in;
  Pipe out;
  Pipe err;
  Pipe report;
  for (Pipe* pipe : {&in, &out, &err, &report}) {
    if (!Open(*pipe)) return CannotStart(command, std::strerror(errno));
  }
  BlockSigpipe();
  KeepChildrenReapable();
  const ExecPlan plan{.path = path.c_str(),
                      .argv = argv.data(),
                      .envp = envp.data(),
                      .in = in.read.get(),
                      .out = out.write.get(),
                      .err = err.write.get(),
                      .report = report.write.get(),
                      .parent = ::getpid()};
  pid_t pid;
  {
    const SignalsBlocked blocked;
    pid = ::fork();
    if (pid == 0) Exec(plan);
  }
  if (pid < 0) return CannotStart(command, std::strerror(errno));
  in.read.Close();
  out.write.Close();
  err.write.Close();
  report.write.Close();
  if (const int error = WaitForExec(pid, report.read.get()); error != 0) {
    return CannotStart(command, std::strerror(error));
  }

  std::unique_ptr<ChildProcess> child(new ChildProcess(io, pid));
  Fd ended(OpenPidfd(pid));
  if (ended.get() < 0) return CannotStart(command, std::strerror(errno));
  child->in_.assign(in.write.Release());
  child->out_.assign(out.read.Release());
  child->err_.assign(err.read.Release());
  child->ended_.assign(ended.Release());
  return child;
}

ChildProcess::ChildProcess(boost::asio::io_context& io, pid_t pid)
    : pid_(pid), in_(io), out_(io), err_(io), ended_(io) {}

ChildProcess::~ChildProcess() { Reap(); }

void ChildProcess::SignalGroup(int signal) {
  // Until it is reaped, the leader keeps the group's number from being given to another.
  if (status_.empty()) ::kill(-pid_, signal);
}

const std::string& ChildProcess::Reap() {
  if (!status_.empty()) return status_;
  SignalGroup(SIGKILL);  // before the leader is reaped; see there
  siginfo_t info;
  status_ = WaitFor(pid_, info, WEXITED) == 0 ? Describe(info) : "unknown exit status";
  return status_;
}

}  // namespace mcpbridge

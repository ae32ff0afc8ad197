#include "server/app/init_process.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

namespace mcpbridge {
namespace {

// Takes the exit status of all that have ended; the exit code, if `child` is one of them.
std::optional<int> ReapAll(pid_t child) {
  std::optional<int> code;
  int status = 0;
  for (pid_t pid; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
    if (pid != child) continue;
    code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }
  return code;
}

}  // namespace

std::optional<int> GoOnBelowInit() {
  if (::getpid() != 1) return std::nullopt;
  ::signal(SIGCHLD, SIG_DFL);  // ignored, it would let no exit status be taken
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t child = ::fork();
  if (child <= 0) {
    if (child < 0) std::fprintf(stderr, "no process of its own for init: %s\n", strerror(errno));
    // A terminal's Ctrl-C shall come once: from number 1.
    if (child == 0) ::setpgid(0, 0);
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return std::nullopt;
  }
  for (;;) {
    const int signal = ::sigwaitinfo(&all, nullptr);
    if (signal == SIGCHLD) {
      if (const std::optional<int> code = ReapAll(child)) return code;
    } else if (signal > 0) {
      ::kill(child, signal);
    }
  }
}

}  // namespace mcpbridge

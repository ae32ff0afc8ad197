#pragma once

#include <sys/types.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "server/base/error.h"

namespace mcpbridge {

// What to run.
struct ChildCommand {
  std::string command;  // a path if it has a '/', else looked up in the child's own PATH
  std::vector<std::string> args;
  std::map<std::string, std::string> env;  // the child's whole environment
};

// The environment of a stdio server: `configured`, and what MCP's own SDKs pass on from their own:
// HOME, LOGNAME, PATH, SHELL, TERM and USER. Nothing else, so that no secret of ours gets there.
std::map<std::string, std::string> ChildEnvironment(
    const std::map<std::string, std::string>& configured);

// A program run in a process group of its own, with pipes to its standard streams and no other
// descriptor, default signal handling and an empty signal mask. It does not outlive its owner: the
// destructor kills the whole group and waits; and if the bridge itself is killed, the kernel kills
// the program. (What leaves its group, as daemons do, is out of reach.)
//
// Lane-only: the kernel kills the program when the *thread* that started it ends, so start it on a
// thread that lasts, the lane's. SIGPIPE is blocked on that thread for good: a pipe has no
// MSG_NOSIGNAL.
class ChildProcess {
 public:
  using Descriptor =
      boost::asio::posix::basic_stream_descriptor<boost::asio::io_context::executor_type>;

  // Returns when the program runs (or, with kUpstreamUnavailable, didn't come to it): a few ms.
  static Result<std::unique_ptr<ChildProcess>> Start(boost::asio::io_context& io,
                                                     const ChildCommand& command);
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;
  ~ChildProcess();

  pid_t pid() const { return pid_; }

  // The program's standard streams, our ends; non-blocking.
  Descriptor& in() { return in_; }
  Descriptor& out() { return out_; }
  Descriptor& err() { return err_; }

  // Becomes readable when the program has ended: then call Reap().
  Descriptor& ended() { return ended_; }

  // To every process of the group; nothing happens after Reap().
  void SignalGroup(int signal);

  // Kills what is left of the group and takes the program's exit status: "exit status 3", "signal 9
  // (Killed)". Waits for the program to end if it hasn't. Again: the same answer.
  const std::string& Reap();

 private:
  ChildProcess(boost::asio::io_context& io, pid_t pid);

  const pid_t pid_;
  Descriptor in_;
  Descriptor out_;
  Descriptor err_;
  Descriptor ended_;
  std::string status_;  // empty: not reaped
};

}  // namespace mcpbridge

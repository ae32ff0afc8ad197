#pragma once

#include <atomic>
#include <chrono>
#include <csignal>
#include <thread>

#include "mcpbridge/client.h"

namespace mcpbridge::client {

// Lets SIGINT and SIGTERM cancel a call instead of ending the process. Made before the process has
// a second thread (all threads made later inherit the blocked signals); used on main's thread.
class CancelOnSignal {
 public:
  // From here on both signals wait for Watch().
  CancelOnSignal();
  ~CancelOnSignal() { Stop(); }
  CancelOnSignal(const CancelOnSignal&) = delete;
  CancelOnSignal& operator=(const CancelOnSignal&) = delete;

  // Cancels `call`, which must live until Stop(), when one of them arrives. One call after another.
  void Watch(PendingCall& call);

  // Ends the watch. The signal that arrived; 0: none.
  int Stop();

  // Waits for a signal, while no call is watched, at most this long. The one that arrived; 0: none.
  int WaitFor(std::chrono::milliseconds time);

 private:
  sigset_t signals_;
  std::atomic<bool> stopping_{false};
  std::atomic<int> arrived_{0};
  std::thread watcher_;
};

}  // namespace mcpbridge::client

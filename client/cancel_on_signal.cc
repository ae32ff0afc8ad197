#include "client/cancel_on_signal.h"

#include <pthread.h>

#include <algorithm>

namespace mcpbridge::client {

CancelOnSignal::CancelOnSignal() {
  sigemptyset(&signals_);
  sigaddset(&signals_, SIGINT);
  sigaddset(&signals_, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
}

void CancelOnSignal::Watch(PendingCall& call) {
  stopping_ = false;
  watcher_ = std::thread([this, &call] {
    int signal = 0;
    sigwait(&signals_, &signal);
    if (stopping_) return;
    arrived_ = signal;
    call.Cancel();
  });
}

int CancelOnSignal::Stop() {
  if (watcher_.joinable()) {
    stopping_ = true;
    pthread_kill(watcher_.native_handle(), SIGTERM);  // blocked there: sigwait takes it
    watcher_.join();
  }
  return arrived_;
}

int CancelOnSignal::WaitFor(std::chrono::milliseconds time) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time);
  const std::chrono::nanoseconds rest = time - seconds;
  const timespec bound{.tv_sec = seconds.count(), .tv_nsec = rest.count()};
  return std::max(sigtimedwait(&signals_, nullptr, &bound), 0);
}

}  // namespace mcpbridge::client

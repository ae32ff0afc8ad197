#include "client/cancel_on_signal.h"

#include <pthread.h>

namespace mcpbridge::client {

CancelOnSignal::CancelOnSignal() {
  sigemptyset(&signals_);
  sigaddset(&signals_, SIGINT);
  sigaddset(&signals_, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
}

void CancelOnSignal::Watch(PendingCall& call) {
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

}  // namespace mcpbridge::client

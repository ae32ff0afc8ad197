#include "server/runtime/pump.h"

#include <string>

#include "server/runtime/post_batch.h"
#include "server/runtime/thread_name.h"

namespace mcpbridge {
namespace {

// In the past: what is there is taken, nothing is waited for.
constexpr gpr_timespec kNow{0, 0, GPR_CLOCK_MONOTONIC};

// Events handled before lanes hear of them, as long as there are more: each takes about 10 us.
constexpr int kBatch = 32;

}  // namespace

thread_local Pump* Pump::current_ = nullptr;

void Pump::Start(int threads, int first) {
  for (int i = 0; i < threads; ++i) {
    threads_.emplace_back([this, index = first + i] {
      NameThisThread("pump/" + std::to_string(index));
      Serve();
    });
  }
}

void Pump::Serve() {
  current_ = this;
  PostBatch batch;
  awake_.fetch_add(1);
  void* tag = nullptr;
  bool ok = false;
  int events = 0;  // since the last flush
  for (;;) {
    RunPosted();
    if (++events == kBatch) {
      batch.Flush();
      events = 0;
    }
    const auto next = queue_->AsyncNext(&tag, &ok, kNow);
    if (next == grpc::CompletionQueue::SHUTDOWN) break;
    if (next == grpc::CompletionQueue::TIMEOUT) {
      batch.Flush();
      events = 0;
      if (!Park(tag, ok)) break;
      if (tag == nullptr) continue;
    }
    TakeBackTag(tag);
    static_cast<CqTag*>(tag)->Complete(ok);
  }
  awake_.fetch_sub(1);
  current_ = nullptr;
}

// Waits for an event. `tag` is null: something was posted. False: the queue has been shut down.
bool Pump::Park(void*& tag, bool& ok) {
  awake_.fetch_sub(1);
  tag = nullptr;
  const bool more = posted_.load() != nullptr || queue_->Next(&tag, &ok);
  awake_.fetch_add(1);
  return more;
}

void Pump::Post(PumpTask& task) {
  task.next = posted_.load(std::memory_order_relaxed);
  while (!posted_.compare_exchange_weak(task.next, &task)) {
  }
  if (awake_.load() == 0) Wake();
}

void Pump::Wake() {
  if (waking_.exchange(true)) return;
  const std::lock_guard lock(mutex_);
  // Shut down: what was posted has been run, or its call couldn't have ended.
  if (is_shut_down_) return;
  CqTag* const tag = this;
  HandOverTag(tag);
  alarm_.Set(queue_.get(), kNow, tag);
}

void Pump::Complete(bool) { waking_.store(false); }

void Pump::RunPosted() {
  if (posted_.load(std::memory_order_relaxed) == nullptr) return;
  PumpTask* newest = posted_.exchange(nullptr);
  PumpTask* oldest = nullptr;
  while (newest != nullptr) {
    PumpTask* const next = newest->next;
    newest->next = oldest;
    oldest = newest;
    newest = next;
  }
  while (oldest != nullptr) {
    PumpTask* const next = oldest->next;  // a task that has run may be gone
    oldest->Run();
    oldest = next;
  }
}

void Pump::ShutDown() {
  {
    const std::lock_guard lock(mutex_);
    if (is_shut_down_) return;
    is_shut_down_ = true;
    queue_->Shutdown();
  }
  if (threads_.empty()) Serve();  // never started: what was armed still comes back
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

}  // namespace mcpbridge

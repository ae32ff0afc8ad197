#pragma once

#include <grpcpp/alarm.h>
#include <grpcpp/completion_queue.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "server/runtime/cq_tag.h"

namespace mcpbridge {

// What is done on a pump's thread: a member of the call it belongs to.
class PumpTask {
 public:
  virtual void Run() = 0;

  PumpTask* next = nullptr;  // Pump's own

 protected:
  ~PumpTask() = default;
};

// A task that runs a member function of the call it is a member of.
template <class Call, void (Call::*kRun)()>
class MemberTask final : public PumpTask {
 public:
  explicit MemberTask(Call& call) : call_(call) {}
  void Run() override { (call_.*kRun)(); }

 private:
  Call& call_;
};

// One of gRPC's completion queues and the threads that serve it. Owned by the Executor.
//
// Operations on the queue may be started on any thread, but a call's hot ones are started here, by
// Post(): those that lanes start themselves contend with the pump for the connection, and gRPC
// resolves that by passing the work on to a thread of its own (a seventh of the CPU time that calls
// over gRPC took).
class Pump final : private CqTag {
 public:
  // Every tag of `queue` must be a CqTag.
  explicit Pump(std::unique_ptr<grpc::CompletionQueue> queue) : queue_(std::move(queue)) {}
  Pump(const Pump&) = delete;
  Pump& operator=(const Pump&) = delete;
  ~Pump() { ShutDown(); }

  grpc::CompletionQueue& queue() { return *queue_; }

  // The pump whose thread this is; null: it is none's.
  static Pump* Current() { return current_; }

  // Starts so many threads, named pump/`first` and so on. Once, on main's thread.
  void Start(int threads, int first);

  // Runs `task` on a thread of this pump, soon and once. It may be posted again when it has run.
  // Any thread, until the queue is shut down.
  void Post(PumpTask& task);

  // Shuts the queue down, waits until every tag has come back, and ends the threads. Nothing may be
  // started on the queue afterwards. On main's thread; a second time does nothing.
  void ShutDown();

 private:
  void Serve();
  void RunPosted();
  void Wake();
  bool Park(void*& tag, bool& ok);
  void Complete(bool ok) override;  // of the alarm

  static thread_local Pump* current_;

  const std::unique_ptr<grpc::CompletionQueue> queue_;
  std::vector<std::thread> threads_;
  std::atomic<PumpTask*> posted_{nullptr};  // the newest first
  // Threads that will look at `posted_` before they wait. Whoever posts looks at it afterwards, and
  // whoever is about to wait looks at `posted_` afterwards: one of them sees the other.
  std::atomic<int> awake_{0};
  std::atomic<bool> waking_{false};  // the alarm is under way
  std::mutex mutex_;
  grpc::Alarm alarm_;          // with mutex_
  bool is_shut_down_ = false;  // with mutex_
};

}  // namespace mcpbridge

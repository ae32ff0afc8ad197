#include <grpcpp/grpcpp.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "mcpbridge/v1/tool_service.grpc.pb.h"
#include "tests/bench/load_run.h"

namespace mcpbridge::bench {
namespace {

// One call after another on a completion queue, whose thread handles it.
class Caller {
 public:
  Caller(v1::ToolService::Stub& stub, grpc::CompletionQueue& queue, LoadRun& run)
      : stub_(stub), queue_(queue), run_(run) {}

  // Latency counts from `started`.
  void Start(Clock::time_point started) {
    id_ = run_.NextId();
    request_.set_name(run_.work().ToolOf(id_));
    request_.mutable_arguments_json()->clear();
    run_.work().AppendArguments(*request_.mutable_arguments_json(), id_);
    context_.emplace();
    context_->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    started_ = started;
    reader_ = stub_.AsyncCallTool(&*context_, request_, &queue_);
    reader_->Finish(&response_, &status_, this);
  }

  // False: begin no more.
  bool OnDone() {
    const bool right = status_.ok() && !response_.is_error() && response_.content_size() == 1 &&
                       run_.work().IsRight(response_.content(0).text().text(), id_);
    if (!right) run_.KeepExample(status_.error_message() + " " + response_.ShortDebugString());
    return run_.OnCallDone(started_, right);
  }

 private:
  v1::ToolService::Stub& stub_;
  grpc::CompletionQueue& queue_;
  LoadRun& run_;
  std::uint64_t id_ = 0;
  v1::CallToolRequest request_;
  v1::CallToolResponse response_;
  grpc::Status status_;
  std::optional<grpc::ClientContext> context_;
  std::unique_ptr<grpc::ClientAsyncResponseReader<v1::CallToolResponse>> reader_;
  Clock::time_point started_;
};

// Begins calls when they are due, by a thread of its own, as a completion queue's timer counts in
// milliseconds. A call for which there is no caller begins as soon as one is idle.
class Pacer {
 public:
  explicit Pacer(LoadRun& run) : run_(run) {}

  void OnIdle(Caller& caller) {
    const std::lock_guard lock(mutex_);
    if (stopped_) return;
    if (const auto due = run_.TakeDue(Clock::now())) {
      caller.Start(*due);
      return;
    }
    idle_.push_back(&caller);
    has_idle_.notify_one();
  }

  // Until the measurement has ended; nothing begins afterwards.
  void Run() {
    std::unique_lock lock(mutex_);
    while (Clock::now() < run_.end()) {
      if (idle_.empty()) {
        has_idle_.wait_until(lock, run_.end());
        continue;
      }
      const auto due = run_.TakeDue(Clock::now());
      if (due) {
        Caller& caller = *idle_.back();
        idle_.pop_back();
        caller.Start(*due);
        continue;
      }
      lock.unlock();
      std::this_thread::sleep_until(run_.next_due());
      lock.lock();
    }
    stopped_ = true;
  }

 private:
  LoadRun& run_;
  std::mutex mutex_;
  std::condition_variable has_idle_;
  std::vector<Caller*> idle_;
  bool stopped_ = false;
};

std::vector<std::unique_ptr<v1::ToolService::Stub>> Connect(const LoadOptions& options) {
  const std::string target = options.host + ":" + std::to_string(options.port);
  std::vector<std::unique_ptr<v1::ToolService::Stub>> stubs;
  for (int i = 0; i < options.channels; ++i) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // else all share one connection
    const auto channel =
        grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), arguments);
    channel->WaitForConnected(std::chrono::system_clock::now() + std::chrono::seconds(10));
    stubs.push_back(v1::ToolService::NewStub(channel));
  }
  return stubs;
}

using Queues = std::vector<std::unique_ptr<grpc::CompletionQueue>>;
using Callers = std::vector<std::unique_ptr<Caller>>;

// Runs `work` for each queue, on a thread of its own.
template <class F>
void OnThreads(const Queues& queues, F work) {
  std::vector<std::thread> threads;
  for (const auto& queue : queues) threads.emplace_back([&work, &queue] { work(*queue); });
  for (std::thread& thread : threads) thread.join();
}

// Each caller asks again as soon as it is answered. Until every one of the queue's has ended.
void RunClosed(const Queues& queues, const Callers& callers) {
  std::atomic<std::size_t> active = callers.size();
  for (const auto& caller : callers) caller->Start(Clock::now());
  OnThreads(queues, [&](grpc::CompletionQueue& queue) {
    void* tag = nullptr;
    bool ok = false;
    while (queue.Next(&tag, &ok)) {
      auto* caller = static_cast<Caller*>(tag);
      if (caller->OnDone()) {
        caller->Start(Clock::now());
      } else if (--active == 0) {
        for (const auto& each : queues) each->Shutdown();
      }
    }
  });
}

void RunPaced(const Queues& queues, LoadRun& run, const Callers& callers) {
  Pacer pacer(run);
  for (const auto& caller : callers) pacer.OnIdle(*caller);
  std::thread beginner([&] {
    pacer.Run();
    for (const auto& queue : queues) queue->Shutdown();  // what is out still comes back
  });
  OnThreads(queues, [&pacer](grpc::CompletionQueue& queue) {
    void* tag = nullptr;
    bool ok = false;
    while (queue.Next(&tag, &ok)) {
      auto* caller = static_cast<Caller*>(tag);
      if (caller->OnDone()) pacer.OnIdle(*caller);
    }
  });
  beginner.join();
}

}  // namespace

void RunGrpcLoad(const LoadOptions& options, LoadRun& run) {
  const auto stubs = Connect(options);
  Queues queues;
  for (int i = 0; i < options.threads; ++i) {
    queues.push_back(std::make_unique<grpc::CompletionQueue>());
  }
  Callers callers;
  for (std::size_t i = 0; i < static_cast<std::size_t>(options.connections); ++i) {
    callers.push_back(
        std::make_unique<Caller>(*stubs[i % stubs.size()], *queues[i % queues.size()], run));
  }
  run.Begin();
  // Every call ends by its deadline, so all tags come back.
  if (options.rate > 0) {
    RunPaced(queues, run, callers);
  } else {
    RunClosed(queues, callers);
  }
}

}  // namespace mcpbridge::bench

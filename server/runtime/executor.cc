#include "server/runtime/executor.h"

#include <pthread.h>

#include <algorithm>
#include <string>
#include <utility>

#include "server/runtime/cq_tag.h"
#include "server/runtime/granted_cpus.h"

namespace mcpbridge {
namespace {

// At most 15 characters, or the kernel refuses it.
void NameThisThread(const std::string& name) { pthread_setname_np(pthread_self(), name.c_str()); }

}  // namespace

thread_local Lane* Lane::current_ = nullptr;

Executor::Executor(Options options) : options_(options) {
  const int lanes = options.lanes > 0 ? options.lanes : GrantedCpus();
  for (int i = 0; i < lanes; ++i) lanes_.push_back(std::make_unique<Lane>(i));
}

Executor::~Executor() {
  DrainQueues();
  StopLanes();
}

grpc::ServerCompletionQueue& Executor::AddQueue(
    std::unique_ptr<grpc::ServerCompletionQueue> queue) {
  grpc::ServerCompletionQueue& added = *queue;
  queues_.push_back(std::move(queue));
  return added;
}

grpc::CompletionQueue& Executor::ClientQueue() {
  if (client_queue_ == nullptr) {
    queues_.push_back(std::make_unique<grpc::CompletionQueue>());
    client_queue_ = queues_.back().get();
    if (started_) StartPumps(*client_queue_);
  }
  return *client_queue_;
}

int Executor::thread_count() const {
  return lane_count() + 1 + static_cast<int>(queues_.size()) * options_.grpc_threads_per_queue;
}

void Executor::StartLane(Lane& lane, std::string name) {
  work_.emplace_back(lane.io().get_executor());
  lane.thread_ = std::thread([&lane, name = std::move(name)] {
    NameThisThread(name);
    Lane::current_ = &lane;
    lane.io().run();
  });
}

void Executor::Start() {
  for (auto& lane : lanes_) StartLane(*lane, "lane/" + std::to_string(lane->index()));
  StartLane(blocking_, "blocking");
  for (auto& queue : queues_) StartPumps(*queue);
  started_ = true;
}

void Executor::StartPumps(grpc::CompletionQueue& queue) {
  for (int i = 0; i < options_.grpc_threads_per_queue; ++i) {
    pumps_.emplace_back([&queue, index = pumps_.size()] {
      NameThisThread("pump/" + std::to_string(index));
      Pump(queue);
    });
  }
}

void Executor::Pump(grpc::CompletionQueue& queue) {
  void* tag = nullptr;
  bool ok = false;
  while (queue.Next(&tag, &ok)) {
    TakeBackTag(tag);
    static_cast<CqTag*>(tag)->Complete(ok);
  }
}

void Executor::DrainQueues() {
  if (queues_drained_) return;
  queues_drained_ = true;
  for (auto& queue : queues_) queue->Shutdown();
  if (pumps_.empty()) {
    for (auto& queue : queues_) Pump(*queue);  // never started: what was armed still comes back
  }
  for (std::thread& pump : pumps_) pump.join();
  pumps_.clear();
}

void Executor::StopLanes() {
  work_.clear();
  blocking_.io().stop();
  for (auto& lane : lanes_) lane->io().stop();
  if (blocking_.thread_.joinable()) blocking_.thread_.join();
  for (auto& lane : lanes_) {
    if (lane->thread_.joinable()) lane->thread_.join();
  }
}

}  // namespace mcpbridge

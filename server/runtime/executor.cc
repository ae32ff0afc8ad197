#include "server/runtime/executor.h"

#include <algorithm>
#include <string>
#include <utility>

#include "server/runtime/granted_cpus.h"
#include "server/runtime/thread_name.h"

namespace mcpbridge {

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
  pumps_.push_back(std::make_unique<Pump>(std::move(queue)));
  return added;
}

Pump& Executor::ClientPump() {
  if (pumps_.empty()) {
    pumps_.push_back(std::make_unique<Pump>(std::make_unique<grpc::CompletionQueue>()));
    if (started_) StartPump(*pumps_.back());
  }
  return *pumps_.front();
}

int Executor::thread_count() const {
  return lane_count() + 1 + static_cast<int>(pumps_.size()) * options_.grpc_threads_per_queue;
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
  for (auto& pump : pumps_) StartPump(*pump);
  started_ = true;
}

void Executor::StartPump(Pump& pump) {
  pump.Start(options_.grpc_threads_per_queue, pump_threads_);
  pump_threads_ += options_.grpc_threads_per_queue;
}

void Executor::DrainQueues() {
  for (auto& pump : pumps_) pump->ShutDown();
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

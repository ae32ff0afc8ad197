#pragma once

#include <grpcpp/completion_queue.h>

#include <boost/asio/executor_work_guard.hpp>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "server/runtime/lane.h"
#include "server/runtime/pump.h"

namespace mcpbridge {

// Owns every thread of the process but main's: the pumps of gRPC's completion queues and the lanes,
// whose io_contexts are Asio's completion queues. A local of main(), which alone ends it: nothing
// that belongs to a call can reach it.
//
// Order of calls, all on main's thread: AddQueue()* -> Start() -> DrainQueues() -> StopLanes(). The
// destructor does what is left of it.
class Executor {
 public:
  struct Options {
    int lanes = 0;                   // 0: CPUs granted to the process
    int grpc_threads_per_queue = 1;  // pump threads of each queue
  };

  explicit Executor(Options options);
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;
  ~Executor();

  // Before Start(). Every tag of `queue` must be a CqTag.
  grpc::ServerCompletionQueue& AddQueue(std::unique_ptr<grpc::ServerCompletionQueue> queue);

  // The pump of the RPCs that this process makes as a client: the first there is, as gRPC polls all
  // connections of the process in one set, and two pumps take turns at it, waking each other (a
  // call from gRPC to gRPC took 104 to 123 us with two, 78 to 94 with one). Where there is none it
  // is made, also when the lanes run already. On main's thread.
  Pump& ClientPump();

  void Start();

  // Ends the pumps: Pump::ShutDown(). The gRPC server must have been shut down before, and every
  // RPC of our own have ended.
  void DrainQueues();

  // Ends the lanes; what is still posted to them is dropped.
  void StopLanes();

  int lane_count() const { return static_cast<int>(lanes_.size()); }
  Lane& lane(int index) { return *lanes_[static_cast<std::size_t>(index)]; }

  // A lane beside the others for what can only be done by blocking: name resolution. No call waits
  // for its thread without its own deadline running elsewhere.
  Lane& blocking_lane() { return blocking_; }

  // How many threads Start() starts: lanes, pumps, and the blocking lane's.
  int thread_count() const;

 private:
  void StartLane(Lane& lane, std::string name);
  void StartPump(Pump& pump);

  const Options options_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  Lane blocking_{-1};
  std::vector<std::unique_ptr<Pump>> pumps_;
  int pump_threads_ = 0;  // started
  std::vector<boost::asio::executor_work_guard<Lane::ExecutorType>> work_;
  bool started_ = false;
};

}  // namespace mcpbridge

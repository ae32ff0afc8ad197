#pragma once

#include <grpc/health/v1/health.grpc.pb.h>
#include <grpcpp/completion_queue.h>

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "server/frontend/grpc/arming.h"
#include "server/runtime/gate.h"
#include "server/upstream/status.h"

namespace mcpbridge {

// grpc.health.v1.Health over the StatusBoard: "" and each service of mcpbridge.v1 are the bridge
// itself, "mcp.<server>" is one server. Needs no key. Owned by GrpcFrontend; outlives its gRPC
// server and every call. Thread-safe.
class HealthService {
 public:
  using Status = grpc::health::v1::HealthCheckResponse::ServingStatus;

  // Watches `board` until destroyed.
  HealthService(StatusBoard& board, Gate& live);
  HealthService(const HealthService&) = delete;
  HealthService& operator=(const HealthService&) = delete;
  ~HealthService();

  // To be registered with the server.
  grpc::Service& service() { return service_; }
  grpc::health::v1::Health::AsyncService& async() { return service_; }

  // Waits for RPCs on `queue`. Once per queue, after the server has started.
  void Arm(grpc::ServerCompletionQueue& queue, const Arming& arming);

  // Tells every watcher NOT_SERVING and ends its stream, and so for those that come later.
  void Drain();

  // The state of `name` now; nullopt: there is no such service. Takes the lock.
  std::optional<Status> Check(const std::string& name);

  // One open Watch. Its state is under the service's lock, too: it is rarely taken, never on a
  // call.
  class Watcher {
   public:
    // Something has changed: read it again. Under the lock.
    virtual void OnChange() = 0;

   protected:
    ~Watcher() = default;
  };
  std::mutex& mutex() { return mutex_; }

  // Under the lock:
  void Add(Watcher& watcher) { watchers_.insert(&watcher); }
  void Remove(Watcher& watcher) { watchers_.erase(&watcher); }
  std::optional<Status> StatusOf(const std::string& name) const;
  bool draining() const { return draining_; }

 private:
  // Where the board finds this service, or that it is gone: the board may be in the middle of
  // telling a change when its watcher is taken away.
  struct Link {
    std::mutex mutex;
    HealthService* service = nullptr;
  };
  void OnBoardChange();
  void ReadBoard();
  void TellWatchers();

  StatusBoard& board_;
  Gate& live_;
  grpc::health::v1::Health::AsyncService service_;
  std::shared_ptr<Link> link_ = std::make_shared<Link>();

  std::mutex mutex_;  // of what follows
  std::map<std::string, Status> statuses_;
  std::set<Watcher*> watchers_;
  bool draining_ = false;
};

}  // namespace mcpbridge

#include "server/frontend/grpc/health_service.h"

#include <grpcpp/support/async_stream.h>
#include <grpcpp/support/async_unary_call.h>

#include <array>

#include "server/frontend/grpc/rpc_call.h"
#include "server/frontend/grpc/server_rpc.h"
#include "server/frontend/grpc/status.h"

namespace mcpbridge {
namespace {

using grpc::health::v1::Health;
using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

// They are the bridge itself.
constexpr std::array kOwnServices = {"mcpbridge.v1.CompletionService", "mcpbridge.v1.PromptService",
                                     "mcpbridge.v1.ResourceService", "mcpbridge.v1.ToolService",
                                     "model_context_protocol.Mcp"};
constexpr char kServerPrefix[] = "mcp.";

// Answered on the pump: there is nothing to wait for.
class CheckCall final : public RpcCall {
 public:
  CheckCall(Gate& live, HealthService& health, grpc::ServerCompletionQueue& queue)
      : RpcCall(live), health_(health), queue_(queue), live_(live) {}

 private:
  void StartRequest(void* request_tag, void* done_tag) override {
    rpc_.context.AsyncNotifyWhenDone(done_tag);
    health_.async().RequestCheck(&rpc_.context, &request_, &rpc_.stream, &queue_, &queue_,
                                 request_tag);
  }
  bool IsCancelled() override { return rpc_.context.IsCancelled(); }
  void ArmNext() override { ArmCall<CheckCall>(live_, health_, queue_); }
  void OnDone(bool /*cancelled*/) override { Release(); }

  void OnRequest() override {
    const auto status = health_.Check(request_.service());
    if (!status) {
      const Error error{.reason = Reason::kServerNotFound, .message = "there is no such service"};
      return rpc_.stream.FinishWithError(ToGrpcStatus(error), FinishTag());
    }
    HealthCheckResponse response;
    response.set_status(*status);
    rpc_.stream.Finish(response, grpc::Status::OK, FinishTag());
  }

  HealthService& health_;
  grpc::ServerCompletionQueue& queue_;
  Gate& live_;
  HealthCheckRequest request_;
  ServerRpc<grpc::ServerAsyncResponseWriter<HealthCheckResponse>> rpc_;
};

// One Watch: one write or the finish at a time. While a write is under way changes only add up to
// the latest, which goes out next.
class WatchCall final : public RpcCall, private HealthService::Watcher {
 public:
  WatchCall(Gate& live, HealthService& health, grpc::ServerCompletionQueue& queue)
      : RpcCall(live), health_(health), queue_(queue), live_(live) {}

 private:
  ~WatchCall() override {
    const std::lock_guard lock(health_.mutex());
    health_.Remove(*this);
  }

  void StartRequest(void* request_tag, void* done_tag) override {
    rpc_.context.AsyncNotifyWhenDone(done_tag);
    health_.async().RequestWatch(&rpc_.context, &request_, &rpc_.stream, &queue_, &queue_,
                                 request_tag);
  }
  bool IsCancelled() override { return rpc_.context.IsCancelled(); }
  void ArmNext() override { ArmCall<WatchCall>(live_, health_, queue_); }

  // The call may be gone as soon as the lock is: gRPC gives the finish tag to whichever pump it
  // likes.
  void OnRequest() override {
    const std::lock_guard lock(health_.mutex());
    open_ = true;
    health_.Add(*this);
    OnChange();
  }

  void OnDone(bool cancelled) override {
    if (cancelled) {
      const std::lock_guard lock(health_.mutex());
      cancelled_ = true;
      OnChange();
    }
    Release();
  }

  void HandleWrite(bool ok) {
    const std::lock_guard lock(health_.mutex());
    writing_ = false;
    if (!ok) cancelled_ = true;
    OnChange();
  }

  // Starts what is due, if nothing is under way.
  void OnChange() override {
    if (!open_ || writing_) return;
    if (cancelled_) return Finish(grpc::Status::CANCELLED);
    const auto now = health_.StatusOf(request_.service());
    const auto status = now.value_or(HealthCheckResponse::SERVICE_UNKNOWN);
    if (!sent_ || *sent_ != status) return Write(status);
    if (health_.draining()) {
      Finish(ToGrpcStatus({.reason = Reason::kShuttingDown, .message = "the bridge is stopping"}));
    }
  }

  void Write(HealthService::Status status) {
    writing_ = true;
    sent_ = status;
    HealthCheckResponse response;
    response.set_status(status);
    rpc_.stream.Write(response, write_.Start());
  }

  void Finish(const grpc::Status& status) {
    open_ = false;
    rpc_.stream.Finish(status, FinishTag());
  }

  HealthService& health_;
  grpc::ServerCompletionQueue& queue_;
  Gate& live_;
  HealthCheckRequest request_;
  ServerRpc<grpc::ServerAsyncWriter<HealthCheckResponse>> rpc_;
  MemberTag<WatchCall, &WatchCall::HandleWrite> write_{*this};

  // Under the service's lock.
  bool open_ = false;       // between the request and the start of the finish
  bool writing_ = false;    // a write is under way
  bool cancelled_ = false;  // nobody reads any more
  std::optional<HealthService::Status> sent_;
};

}  // namespace

HealthService::HealthService(StatusBoard& board, Gate& live) : board_(board), live_(live) {
  link_->service = this;
  ReadBoard();
  board_.SetWatcher([link = link_](const std::string&, bool) {
    const std::lock_guard lock(link->mutex);
    if (link->service != nullptr) link->service->OnBoardChange();
  });
}

HealthService::~HealthService() {
  board_.SetWatcher({});
  const std::lock_guard lock(link_->mutex);
  link_->service = nullptr;
}

void HealthService::Arm(grpc::ServerCompletionQueue& queue, const Arming& arming) {
  for (int i = 0; i < arming.rare; ++i) {
    ArmCall<CheckCall>(live_, *this, queue);
    ArmCall<WatchCall>(live_, *this, queue);
  }
}

void HealthService::Drain() {
  const std::lock_guard lock(mutex_);
  draining_ = true;
  TellWatchers();
}

std::optional<HealthService::Status> HealthService::Check(const std::string& name) {
  const std::lock_guard lock(mutex_);
  return StatusOf(name);
}

std::optional<HealthService::Status> HealthService::StatusOf(const std::string& name) const {
  const auto found = statuses_.find(name);
  if (found == statuses_.end()) return std::nullopt;
  return draining_ ? HealthCheckResponse::NOT_SERVING : found->second;
}

// What the board said with the change may be older than what it says now, when two threads tell of
// changes at once: so it is always read anew.
void HealthService::OnBoardChange() {
  const std::lock_guard lock(mutex_);
  ReadBoard();
  TellWatchers();
}

void HealthService::ReadBoard() {
  const auto status_of = [](bool serving) {
    return serving ? HealthCheckResponse::SERVING : HealthCheckResponse::NOT_SERVING;
  };
  statuses_.clear();  // a server may have gone
  statuses_[""] = status_of(board_.serving());
  for (const char* service : kOwnServices) statuses_[service] = statuses_[""];
  for (const auto& [server, status] : board_.Snapshot()) {
    statuses_[kServerPrefix + server] = status_of(status.health == UpstreamHealth::kServing);
  }
}

void HealthService::TellWatchers() {
  for (Watcher* watcher : watchers_) watcher->OnChange();
}

}  // namespace mcpbridge

#include <grpcpp/support/async_stream.h>
#include <mcpbridge/v1/session_service.grpc.pb.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "server/frontend/grpc/call_timing.h"
#include "server/frontend/grpc/duplex_call.h"
#include "server/frontend/grpc/metadata.h"
#include "server/frontend/grpc/method_set.h"
#include "server/frontend/grpc/open_streams.h"
#include "server/frontend/grpc/server_rpc.h"
#include "server/frontend/grpc/status.h"
#include "server/frontend/mcp/client_stream.h"
#include "server/runtime/deadline_queue.h"
#include "server/service/client_session.h"

namespace mcpbridge {
namespace {

// The request metadata that names servers, as a path does over HTTP.
constexpr std::string_view kServerMetadata = "mcpbridge-server";
// From giving a stream up to its end, where the client doesn't take the message that is under way,
// and so can't be told why.
constexpr std::chrono::seconds kLastWriteTime{10};

class SessionMethods final : public MethodSetOf<v1::SessionService::AsyncService> {
 public:
  SessionMethods(ToolService& tools, ClientSessions& sessions, Gate& live)
      : MethodSetOf(tools, live), sessions_(sessions) {}

  void Arm(grpc::ServerCompletionQueue& queue, const Arming& arming) override;
  void Drain() override { streams_.Drain(); }

  ClientSessions& sessions() { return sessions_; }
  OpenStreams& streams() { return streams_; }

 private:
  ClientSessions& sessions_;
  OpenStreams streams_;
};

// One Connect. What is said on it, its ClientStream knows.
class ConnectCall final : public DuplexCall, private DeadlineEntry {
 public:
  ConnectCall(Gate& live, SessionMethods& methods, grpc::ServerCompletionQueue& queue)
      : DuplexCall(live), methods_(methods), queue_(queue) {}

 private:
  // What somebody else needs to know whether the stream is still there. On its lane.
  struct Alive {
    ConnectCall* call;
  };

  void StartRequest(void* request_tag, void* done_tag) override {
    rpc_.context.AsyncNotifyWhenDone(done_tag);
    methods_.async().RequestConnect(&rpc_.context, &rpc_.stream, &queue_, &queue_, request_tag);
  }
  bool IsCancelled() override { return rpc_.context.IsCancelled(); }
  void ArmNext() override { ArmCall<ConnectCall>(methods_.live(), methods_, queue_); }

  void OnRequest() override {
    timing_.Arrive();
    deadline_ = DeadlineOf(rpc_.context);
    if (const auto error = CheckKey(tools(), headers_)) return Finish(ToGrpcStatus(*error));
    Result<Scope> scope =
        tools().ScopeOf(headers_.Get(kServerMetadata).value_or(std::string_view()), headers_);
    if (!scope) return Finish(ToGrpcStatus(scope.error()));
    scope_ = *std::move(scope);
    const std::optional<std::size_t> only = scope_.Only(tools().config());
    ContinueOn(tools().PickLane(only ? tools().config().servers[*only].name : "", ""));
  }

  void OnLane() override {
    timing_.Begin();
    const auto drain = [&lane = lane(), alive = alive_] {
      lane.Post([alive] {
        if (alive->call != nullptr) alive->call->Drain();
      });
    };
    const auto limit = static_cast<std::size_t>(tools().config().bridge.limits.sessions);
    if (const auto error = methods_.streams().Add(this, limit, drain)) {
      return EndWith(*error);
    }
    client_.emplace(
        tools(), methods_.sessions(), lane(), headers_,
        ClientStream::Options{.scope = std::move(scope_),
                              .deadline = deadline_,
                              .max_bytes = tools().config().bridge.limits.response_bytes},
        [this] { OnWake(); });
    Read();
  }

  void OnCancel() override {
    LetGo();
    status_ = ToGrpcStatus(
        deadline_.expired()
            ? Error{.reason = Reason::kDeadlineExceeded, .message = "the stream's deadline passed"}
            : Error{.reason = Reason::kCancelled, .message = "the client is gone"});
    Proceed();
  }

  // A client that is full of what it doesn't read isn't listened to.
  void Read() {
    if (is_reading() || client_done_ || status_ || client_->is_full()) return;
    rpc_.stream.Read(&request_, ReadTag());
  }

  void OnRead(bool ok) override {
    if (status_) return;
    if (ok) {
      client_->Take(std::move(*request_.mutable_message()));
      Read();
    } else {
      client_done_ = true;
      client_->OnClientDone();
      Proceed();
    }
  }

  // Something may have come of what the client said.
  void OnWake() {
    if (client_->failure()) {
      EndWith(*client_->failure());
    } else {
      Proceed();
    }
  }

  void Drain() {
    draining_ = true;
    client_->Drain();
  }

  void OnWritable() override {
    if (client_) {
      if (auto next = client_->Next()) {
        Write(*std::move(next));
        return Read();
      }
      if (client_->is_idle() && client_done_) status_ = grpc::Status::OK;
      if (client_->is_idle() && draining_ && !status_) {
        status_ = ToGrpcStatus({.reason = Reason::kShuttingDown,
                                .message = "the bridge is stopping",
                                .retry_after = std::chrono::seconds(1)});
      }
    }
    if (!status_) return;
    LetGo();
    Finish(*status_);
  }

  void Write(ClientStream::Outgoing next) {
    v1::ConnectResponse response;
    response.set_message(std::move(next.message));
    response.set_dropped(next.dropped);
    rpc_.stream.Write(response, WriteTag());
  }

  // Its calls and its session end now, the RPC when no write is under way.
  void EndWith(const Error& error) {
    status_ = ToGrpcStatus(error);
    LetGo();
    lane().deadlines().Arm(*this, Deadline::After(kLastWriteTime));
    Proceed();
  }

  // Ends all that is between the client and the bridge but for the RPC itself.
  void LetGo() {
    Disarm();
    alive_->call = nullptr;
    methods_.streams().Remove(this);
    client_.reset();
  }

  // The client doesn't take what it was sent.
  void OnDeadline() override { rpc_.context.TryCancel(); }

  void Finish(const grpc::Status& status) {
    Disarm();
    rpc_.context.AddTrailingMetadata("mcpbridge-timing", timing_.Text());
    rpc_.stream.Finish(status, EndTag());
  }

  ToolService& tools() { return methods_.tools(); }

  SessionMethods& methods_;
  grpc::ServerCompletionQueue& queue_;
  ServerRpc<grpc::ServerAsyncReaderWriter<v1::ConnectResponse, v1::ConnectRequest>> rpc_;
  MetadataHeaders headers_{rpc_.context};
  CallTiming timing_;
  v1::ConnectRequest request_;
  Deadline deadline_;
  Scope scope_;
  const std::shared_ptr<Alive> alive_ = std::make_shared<Alive>(Alive{this});
  std::optional<ClientStream> client_;  // from OnLane() until there is a status
  bool client_done_ = false;            // it has said all
  bool draining_ = false;
  std::optional<grpc::Status> status_;  // to end with
};

void SessionMethods::Arm(grpc::ServerCompletionQueue& queue, const Arming& arming) {
  for (int i = 0; i < arming.rare; ++i) ArmCall<ConnectCall>(live(), *this, queue);
}

}  // namespace

std::unique_ptr<MethodSet> MakeSessionMethods(ToolService& tools, ClientSessions& sessions,
                                              Gate& live) {
  return std::make_unique<SessionMethods>(tools, sessions, live);
}

}  // namespace mcpbridge

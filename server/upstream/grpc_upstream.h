#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/generic/generic_stub.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/base/backoff.h"
#include "server/runtime/deadline_queue.h"
#include "server/runtime/executor.h"
#include "server/upstream/grpc_exchange.h"
#include "server/upstream/status.h"
#include "server/upstream/upstream.h"

namespace mcpbridge {

// An MCP server that serves model_context_protocol.Mcp: one channel, which all lanes share, and no
// session. It is of the modern era: every request stands for itself. What it offers is found out by
// asking for it, at first and whenever it has been gone; requests are sent in any case, and wait or
// fail as gRPC has it. The finding out lives on `home`.
class GrpcUpstream final : public Upstream, private DeadlineEntry {
 public:
  struct Limits {
    std::size_t response_bytes;
  };

  // `executor` outlives this.
  GrpcUpstream(const ServerConfig& config, Executor& executor, Lane& home, Limits limits,
               UpstreamUse use);
  ~GrpcUpstream() override;

  Lane* home() override { return nullptr; }
  void Start() override;
  Result<std::unique_ptr<Exchange>> Send(Lane& lane, UpstreamRequest request,
                                         ReplyHandler& handler) override;
  // It has no notifications of clients.
  void Notify(std::string) override {}
  void Stop(std::string why, std::function<void()> done) override;

 private:
  // kChecking: it was ready, and is asked whether it still is.
  enum class State { kIdle, kConnecting, kReady, kChecking, kDown, kStopped };
  class Probe;

  void OnDeadline() override;
  void Ask(State meanwhile);
  void OnProbe();
  void Conclude();
  void Open();
  void GoDown(const std::string& why);
  void Unreachable();
  void Report(const std::function<void(UpstreamStatus&)>& change);

  Executor& executor_;
  Lane& home_;
  const UpstreamUse use_;
  const std::shared_ptr<grpc::Channel> channel_;
  grpc::GenericStub stub_;
  GrpcSite site_;
  std::shared_ptr<WhenGone> alive_ = std::make_shared<WhenGone>();  // given up by Stop()

  // On home_ from here on.
  State state_ = State::kIdle;
  Backoff backoff_;
  std::vector<std::unique_ptr<Probe>> probes_;
  std::size_t unanswered_ = 0;  // of them
};

}  // namespace mcpbridge

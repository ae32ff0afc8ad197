// bench-grpc-echo: the least that a gRPC server can do for CallTool, as the reference for
// mcp-bridge: an asynchronous server with one completion queue and one thread that answers from
// the queue itself.

#include <absl/flags/flag.h>
#include <absl/flags/parse.h>
#include <absl/flags/usage.h>
#include <grpcpp/alarm.h>
#include <grpcpp/grpcpp.h>
#include <signal.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "mcpbridge/v1/tool_service.grpc.pb.h"

ABSL_FLAG(int, port, 0, "Listen on 127.0.0.1 at this port (0: any free one)");
ABSL_FLAG(int, threads, 1, "Threads that serve the queue; the same as mcp-bridge");
ABSL_FLAG(int, hold_ms, 0, "How long each call waits for its answer");

namespace mcpbridge::bench {
namespace {

constexpr int kWaiting = 64;  // calls that wait to be made; the same as mcp-bridge

// One call: waits to be made, answers, and is freed when the answer is out.
class EchoCall {
 public:
  static void Arm(v1::ToolService::AsyncService& service, grpc::ServerCompletionQueue& queue) {
    auto* call = new EchoCall(service, queue);
    service.RequestCallTool(&call->context_, &call->request_, &call->writer_, &queue, &queue, call);
  }

  void Complete(bool ok) {
    if (!ok || step_ == Step::kAnswered) {
      delete this;
      return;
    }
    if (step_ == Step::kArmed) Arm(service_, queue_);
    if (const int hold = absl::GetFlag(FLAGS_hold_ms); hold > 0 && step_ == Step::kArmed) {
      step_ = Step::kHeld;
      alarm_.emplace();
      alarm_->Set(&queue_, std::chrono::system_clock::now() + std::chrono::milliseconds(hold),
                  this);
      return;
    }
    step_ = Step::kAnswered;
    // {"text":"TEXT"}
    const std::string& json = request_.arguments_json();
    constexpr std::size_t kBefore = sizeof R"({"text":")" - 1;
    constexpr std::size_t kAfter = sizeof R"("})" - 1;
    if (json.size() >= kBefore + kAfter) {
      response_.add_content()->mutable_text()->set_text(
          json.substr(kBefore, json.size() - kBefore - kAfter));
    }
    writer_.Finish(response_, grpc::Status::OK, this);
  }

 private:
  EchoCall(v1::ToolService::AsyncService& service, grpc::ServerCompletionQueue& queue)
      : service_(service), queue_(queue), writer_(&context_) {}

  v1::ToolService::AsyncService& service_;
  grpc::ServerCompletionQueue& queue_;
  grpc::ServerContext context_;
  v1::CallToolRequest request_;
  v1::CallToolResponse response_;
  grpc::ServerAsyncResponseWriter<v1::CallToolResponse> writer_;
  std::optional<grpc::Alarm> alarm_;
  enum class Step { kArmed, kHeld, kAnswered } step_ = Step::kArmed;
};

void Pump(grpc::ServerCompletionQueue& queue) {
  void* tag = nullptr;
  bool ok = false;
  while (queue.Next(&tag, &ok)) static_cast<EchoCall*>(tag)->Complete(ok);
}

int Run() {
  // Threads inherit the mask, so that the signal comes to sigwait() only.
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGTERM);
  ::sigaddset(&signals, SIGINT);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  v1::ToolService::AsyncService service;
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:" + std::to_string(absl::GetFlag(FLAGS_port)),
                           grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&service);
  const auto queue = builder.AddCompletionQueue();
  const auto server = builder.BuildAndStart();
  if (server == nullptr || port == 0) {
    std::fprintf(stderr, "bench-grpc-echo: can't listen\n");
    return 1;
  }
  for (int i = 0; i < kWaiting; ++i) EchoCall::Arm(service, *queue);
  std::vector<std::thread> threads;
  for (int i = 0; i < absl::GetFlag(FLAGS_threads); ++i) {
    threads.emplace_back([&queue] { Pump(*queue); });
  }
  std::printf("listening on 127.0.0.1:%d\n", port);
  std::fflush(stdout);

  int signal = 0;
  ::sigwait(&signals, &signal);
  // From here on calls fail; none is armed again once the queue is shut down below, because all
  // armed ones have come back by then.
  server->Shutdown(std::chrono::system_clock::now());
  queue->Shutdown();
  for (std::thread& thread : threads) thread.join();
  return 0;
}

}  // namespace
}  // namespace mcpbridge::bench

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage("A bare gRPC server that echoes CallTool's argument `text`.");
  absl::ParseCommandLine(argc, argv);
  return mcpbridge::bench::Run();
}

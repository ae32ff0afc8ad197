#include <grpcpp/grpcpp.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mcpbridge/v1/tool_service.grpc.pb.h"
#include "tests/bench/load_run.h"

namespace mcpbridge::bench {
namespace {

// One call after another on a completion queue.
class Caller {
 public:
  Caller(v1::ToolService::Stub& stub, grpc::CompletionQueue& queue, const LoadOptions& options,
         LoadRun& run)
      : stub_(stub), queue_(queue), run_(run) {
    request_.set_name(options.tool);
  }

  void Start() {
    text_ = TextFor(run_.NextId());
    request_.set_arguments_json("{\"text\":\"" + text_ + "\"}");
    context_.emplace();
    context_->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
    started_ = Clock::now();
    reader_ = stub_.AsyncCallTool(&*context_, request_, &queue_);
    reader_->Finish(&response_, &status_, this);
  }

  // False: that was the last.
  bool OnDone() {
    const bool right = status_.ok() && !response_.is_error() && response_.content_size() == 1 &&
                       response_.content(0).text().text() == text_;
    if (!run_.OnCallDone(started_, right)) return false;
    Start();
    return true;
  }

 private:
  v1::ToolService::Stub& stub_;
  grpc::CompletionQueue& queue_;
  LoadRun& run_;
  std::string text_;
  v1::CallToolRequest request_;
  v1::CallToolResponse response_;
  grpc::Status status_;
  std::optional<grpc::ClientContext> context_;
  std::unique_ptr<grpc::ClientAsyncResponseReader<v1::CallToolResponse>> reader_;
  Clock::time_point started_;
};

}  // namespace

void RunGrpcLoad(const LoadOptions& options, LoadRun& run) {
  const std::string target = options.host + ":" + std::to_string(options.port);
  std::vector<std::unique_ptr<v1::ToolService::Stub>> stubs;
  for (int i = 0; i < options.channels; ++i) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // else all share one connection
    stubs.push_back(v1::ToolService::NewStub(
        grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), arguments)));
  }
  grpc::CompletionQueue queue;
  std::vector<std::unique_ptr<Caller>> callers;
  for (int i = 0; i < options.connections; ++i) {
    v1::ToolService::Stub& stub = *stubs[static_cast<std::size_t>(i) % stubs.size()];
    callers.push_back(std::make_unique<Caller>(stub, queue, options, run));
  }
  for (const auto& caller : callers) caller->Start();
  // Every call ends by its deadline, so all tags come back.
  void* tag = nullptr;
  bool ok = false;
  for (std::size_t active = callers.size(); active > 0 && queue.Next(&tag, &ok);) {
    if (!static_cast<Caller*>(tag)->OnDone()) --active;
  }
  queue.Shutdown();
  while (queue.Next(&tag, &ok)) {
  }
}

}  // namespace mcpbridge::bench

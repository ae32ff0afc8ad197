#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mcpbridge/v1/tool_service.grpc.pb.h"
#include "tests/bench/cancel_load.h"

namespace mcpbridge::bench {
namespace {

class Caller {
 public:
  Caller(v1::ToolService::Stub& stub, grpc::CompletionQueue& queue, const CancelOptions& options,
         Cancelled& cancelled)
      : stub_(stub), queue_(queue), options_(options), cancelled_(cancelled) {}

  void Start() {
    sleep_ = cancelled_.NextSleep();
    request_.set_name(options_.tool);
    request_.set_arguments_json("{\"ms\":" + std::to_string(sleep_) + "}");
    context_.emplace();
    reader_ = stub_.AsyncCallTool(&*context_, request_, &queue_);
    reader_->Finish(&response_, &status_, this);
    cancel_at_ = Clock::now() + cancelled_.Patience();
    open_ = true;
  }

  bool open() const { return open_; }
  Clock::time_point cancel_at() const { return cancel_at_; }

  void Cancel() {
    open_ = false;
    cancelled_.Note(sleep_);
    context_->TryCancel();
  }

  void OnDone() {
    if (status_.error_code() != grpc::StatusCode::CANCELLED) ++cancelled_.failures;
    open_ = false;
  }

 private:
  v1::ToolService::Stub& stub_;
  grpc::CompletionQueue& queue_;
  const CancelOptions& options_;
  Cancelled& cancelled_;
  std::int64_t sleep_ = 0;
  v1::CallToolRequest request_;
  v1::CallToolResponse response_;
  grpc::Status status_;
  std::optional<grpc::ClientContext> context_;
  std::unique_ptr<grpc::ClientAsyncResponseReader<v1::CallToolResponse>> reader_;
  Clock::time_point cancel_at_;
  bool open_ = false;
};

}  // namespace

void CancelOverGrpc(const CancelOptions& options, Cancelled& cancelled) {
  const auto stub = v1::ToolService::NewStub(
      grpc::CreateChannel(options.target, grpc::InsecureChannelCredentials()));
  grpc::CompletionQueue queue;
  std::vector<std::unique_ptr<Caller>> callers;
  for (int i = 0; i < options.callers; ++i) {
    callers.push_back(std::make_unique<Caller>(*stub, queue, options, cancelled));
    callers.back()->Start();
  }
  std::size_t active = callers.size();
  while (active > 0) {
    for (const auto& caller : callers) {
      if (caller->open() && caller->cancel_at() <= Clock::now()) caller->Cancel();
    }
    void* tag = nullptr;
    bool ok = false;
    // A millisecond late is no harm: what counts is when a call has been cancelled.
    const auto until = std::chrono::system_clock::now() + std::chrono::milliseconds(1);
    if (queue.AsyncNext(&tag, &ok, until) != grpc::CompletionQueue::GOT_EVENT) continue;
    auto* caller = static_cast<Caller*>(tag);
    caller->OnDone();
    if (Clock::now() < options.end) {
      caller->Start();
    } else {
      --active;
    }
  }
  queue.Shutdown();
  void* tag = nullptr;
  bool ok = false;
  while (queue.Next(&tag, &ok)) {
  }
}

}  // namespace mcpbridge::bench

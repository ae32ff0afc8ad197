#include "mcpbridge/client.h"

#include <grpc/grpc.h>

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "client/call_error.h"
#include "client/channel.h"
#include "client/messages.h"
#include "client/pending_call.h"

namespace mcpbridge::client {
namespace {

using std::chrono::nanoseconds;
using std::chrono::steady_clock;

// The end of a call that starts now; nullopt: none.
std::optional<steady_clock::time_point> EndOf(const CallOptions& options) {
  auto end = options.deadline;
  if (options.timeout) {
    const auto now = steady_clock::now();
    const auto last = steady_clock::time_point::max();
    const auto until = *options.timeout < last - now ? now + *options.timeout : last;
    end = end ? std::min(*end, until) : until;
  }
  return end;
}

// The same moment on gRPC's monotonic clock, which no change of the wall clock moves. What has
// passed is a second ago: gRPC rounds up, and a bridge next door may answer within that.
gpr_timespec MonotonicTime(steady_clock::time_point time) {
  const auto now = steady_clock::now();
  const nanoseconds left = time > now ? time - now : nanoseconds(std::chrono::seconds(-1));
  return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                      gpr_time_from_nanos(left.count(), GPR_TIMESPAN));
}

// Whether gRPC can send it as metadata; it ends the process if asked to send what it can't.
bool IsLegalMetadata(const std::string& name, const std::string& value) {
  const auto key = grpc_slice_from_static_buffer(name.data(), name.size());
  const auto text = grpc_slice_from_static_buffer(value.data(), value.size());
  return grpc_header_key_is_legal(key) != 0 &&
         (grpc_is_binary_header(key) != 0 || grpc_header_nonbin_value_is_legal(text) != 0);
}

// `events`, and a note whether any of them was told. They run on one thread, before the call's end.
CallEvents Watched(CallEvents events, bool& told) {
  const auto note = [&told](auto& event) {
    if (event) {
      event = [&told, inner = std::move(event)](const auto& what) {
        told = true;
        inner(what);
      };
    }
  };
  note(events.on_progress);
  note(events.on_log);
  note(events.on_dropped);
  return events;
}

}  // namespace

class Client::Impl {
 public:
  Impl(const std::string& address, ClientOptions options)
      : options_(std::move(options)),
        wrong_(ErrorIn(options_)),
        stub_(v1::ToolService::NewStub(MakeChannel(address, wrong_ ? ClientOptions{} : options_))) {
    if (!options_.api_key.empty()) authorization_ = "Bearer " + options_.api_key;
  }

  ~Impl() {
    if (!queue_) return;
    CancelAll();
    {
      // A stream's call has one operation after another: nothing may begin on a queue that is shut
      // down.
      std::unique_lock lock(mutex_);
      none_left_.wait(lock, [this] { return calls_.empty(); });
    }
    queue_->Shutdown();
    thread_.join();
  }

  v1::ToolService::Stub& stub() { return *stub_; }

  // `attempt()` gives an outcome. It is made again after a failure as far as the options allow, and
  // `may_repeat()`.
  template <class Attempt, class MayRepeat>
  auto Repeat(std::optional<steady_clock::time_point> end, Attempt attempt,
              MayRepeat may_repeat) const {
    Retries retries(options_.retries, end);
    for (;;) {
      auto outcome = attempt();
      if (outcome || !may_repeat()) return outcome;
      const auto wait = retries.WaitAfter(outcome.error());
      if (!wait) return outcome;
      std::this_thread::sleep_for(*wait);
    }
  }

  template <class Request, class Response>
  using Rpc = grpc::Status (v1::ToolService::Stub::*)(grpc::ClientContext*, const Request&,
                                                      Response*);

  // One call, made again as the options allow.
  template <class Request, class Response>
  Outcome<Response> Ask(Rpc<Request, Response> rpc, const Request& request,
                        const CallOptions& options, std::optional<steady_clock::time_point> end) {
    const auto attempt = [&]() -> Outcome<Response> {
      grpc::ClientContext context;
      if (auto error = Prepare(context, options, end)) return *error;
      Response response;
      const auto status = (*stub_.*rpc)(&context, request, &response);
      if (!status.ok()) return ErrorOf(status);
      return response;
    };
    return Repeat(end, attempt, [] { return true; });
  }

  // Puts key, metadata and deadline into `context`. Errors: kInvalidArgument, for what can't be
  // sent, and for options that can't be.
  std::optional<CallError> Prepare(grpc::ClientContext& context, const CallOptions& options,
                                   std::optional<steady_clock::time_point> end) const {
    if (wrong_) return wrong_;
    if (end) context.set_deadline(MonotonicTime(*end));
    if (!authorization_.empty() && !Add(context, "authorization", authorization_)) {
      return CallError{.code = StatusCode::kInvalidArgument,
                       .message = "the API key has a character that no header may have"};
    }
    for (const auto& [name, value] : options.metadata) {
      if (Add(context, name, value)) continue;
      return CallError{.code = StatusCode::kInvalidArgument,
                       .message = "metadata '" + name +
                                  "' can't be sent: names are of a-z 0-9 - _ ., "
                                  "values of printable ASCII"};
    }
    return std::nullopt;
  }

  // `start(queue)` starts `call`.
  template <class Start>
  void Begin(const std::shared_ptr<PendingCall::State>& call, Start start) {
    std::call_once(started_, [this] {
      queue_ = std::make_unique<grpc::CompletionQueue>();
      thread_ = std::thread([this] { Run(); });
    });
    {
      const std::lock_guard lock(mutex_);
      calls_.emplace(call.get(), call);
    }
    start(*queue_);
  }

 private:
  static bool Add(grpc::ClientContext& context, const std::string& name, const std::string& value) {
    if (!IsLegalMetadata(name, value)) return false;
    context.AddMetadata(name, value);
    return true;
  }

  // The thread of asynchronous calls: ends once the queue is shut down and empty.
  void Run() {
    void* tag = nullptr;
    bool ok = false;
    while (queue_->Next(&tag, &ok)) {
      PendingCall::State& call = PendingCall::State::TakeBack(tag);
      if (!call.OnTag(ok)) Forget(call);
    }
  }

  void Forget(PendingCall::State& call) {
    const std::lock_guard lock(mutex_);
    calls_.erase(&call);
    none_left_.notify_all();
  }

  void CancelAll() {
    const std::lock_guard lock(mutex_);
    for (const auto& [tag, call] : calls_) call->context.TryCancel();
  }

  const ClientOptions options_;
  const std::optional<CallError> wrong_;  // with the options: nothing is sent
  std::string authorization_;             // empty: no key
  const std::unique_ptr<v1::ToolService::Stub> stub_;

  std::once_flag started_;
  std::unique_ptr<grpc::CompletionQueue> queue_;  // null until the first asynchronous call
  std::thread thread_;

  std::mutex mutex_;
  std::condition_variable none_left_;
  std::map<PendingCall::State*, std::shared_ptr<PendingCall::State>> calls_;  // asynchronous ones
};

Client::Client(const std::string& address, ClientOptions options)
    : impl_(std::make_unique<Impl>(address, std::move(options))) {}

Client::~Client() = default;

Outcome<CallResult> Client::CallTool(const CallRequest& request, const CallOptions& options) {
  const auto message = MessageOf(request);
  if (!message) return message.error();
  auto response = impl_->Ask(&v1::ToolService::Stub::CallTool, *message, options, EndOf(options));
  if (!response) return response.error();
  return ResultOf(*std::move(response));
}

PendingCall Client::StartCallTool(const CallRequest& request, const CallOptions& options) {
  auto call = std::make_shared<PendingCall::State>();
  const auto message = MessageOf(request);
  if (!message) {
    call->End(message.error());
  } else if (auto error = impl_->Prepare(call->context, options, EndOf(options))) {
    call->End(*error);
  } else {
    impl_->Begin(call, [&](auto& queue) { call->Start(impl_->stub(), *message, queue); });
  }
  return PendingCall(std::move(call));
}

PendingCall Client::StartCallToolStream(const CallRequest& request, CallEvents events,
                                        const CallOptions& options) {
  auto call = std::make_shared<PendingCall::State>();
  auto message = MessageOf(request);
  if (!message) {
    call->End(message.error());
  } else if (auto error = impl_->Prepare(call->context, options, EndOf(options))) {
    call->End(*error);
  } else {
    v1::CallToolStreamRequest stream;
    *stream.mutable_call() = *std::move(message);
    stream.set_log_level(events.log_level);
    impl_->Begin(
        call, [&](auto& queue) { call->Start(impl_->stub(), stream, std::move(events), queue); });
  }
  return PendingCall(std::move(call));
}

Outcome<CallResult> Client::CallToolStream(const CallRequest& request, CallEvents events,
                                           const CallOptions& options) {
  CallOptions bounds = options;
  bounds.timeout.reset();
  bounds.deadline = EndOf(options);
  bool told = false;
  const CallEvents watched = Watched(std::move(events), told);
  return impl_->Repeat(
      bounds.deadline,
      [&]() -> Outcome<CallResult> { return StartCallToolStream(request, watched, bounds).Wait(); },
      [&] { return !told; });
}

Outcome<ToolList> Client::ListTools(const std::string& server, const CallOptions& options) {
  const auto end = EndOf(options);
  ToolList list;
  v1::ListToolsRequest request;
  request.set_server(server);
  for (;;) {
    auto page = impl_->Ask(&v1::ToolService::Stub::ListTools, request, options, end);
    if (!page) return page.error();
    for (auto& tool : *page->mutable_tools()) list.tools.push_back(ToolOf(std::move(tool)));
    // Every page says which servers are missing; the last one knows best.
    list.unavailable.clear();
    for (const auto& missing : page->unavailable()) {
      list.unavailable.push_back({.server = missing.server(), .error = missing.error()});
    }
    if (page->next_page_token().empty()) return list;
    if (page->next_page_token() == request.page_token()) {
      return CallError{.code = StatusCode::kInternal,
                       .message = "the bridge gives the same page of tools again and again"};
    }
    request.set_page_token(page->next_page_token());
  }
}

Outcome<std::vector<Server>> Client::ListServers(const CallOptions& options) {
  auto response = impl_->Ask(&v1::ToolService::Stub::ListServers, v1::ListServersRequest(), options,
                             EndOf(options));
  if (!response) return response.error();
  std::vector<Server> servers;
  for (auto& server : *response->mutable_servers()) servers.push_back(ServerOf(std::move(server)));
  return servers;
}

}  // namespace mcpbridge::client

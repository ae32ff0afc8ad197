#include "tests/fakes/fake_google_server.h"

#include <grpcpp/server_builder.h>
#include <model_context_protocol/mcp.grpc.pb.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <set>
#include <stdexcept>

namespace mcpbridge {

namespace gm = model_context_protocol;
using grpc::ServerContext;
using grpc::Status;

std::string FakeGoogleServer::Call::Header(const std::string& name) const {
  const auto found = metadata.find(name);
  return found == metadata.end() ? "" : found->second;
}

class FakeGoogleServer::Impl final : public gm::Mcp::Service {
 public:
  explicit Impl(Options options) : options_(std::move(options)) { Serve(); }
  ~Impl() override { Stop(); }

  void Serve() {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:" + std::to_string(options_.port), options_.credentials,
                             &port);
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    builder.SetMaxReceiveMessageSize(-1);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
    if (server_ == nullptr) throw std::runtime_error("the fake can't listen");
    options_.port = static_cast<std::uint16_t>(port);
  }
  void Stop() {
    if (server_ == nullptr) return;
    server_->Shutdown(std::chrono::system_clock::now());
    server_->Wait();
    server_.reset();
  }

  Status ListTools(ServerContext*, const gm::ListToolsRequest*,
                   gm::ListToolsResponse* response) override {
    for (const char* name : {"echo", "held"}) {
      gm::Tool& tool = *response->add_tools();
      tool.set_name(name);
      (*tool.mutable_input_schema()->mutable_fields())["type"].set_string_value("object");
    }
    return Status::OK;
  }

  Status ListResources(ServerContext*, const gm::ListResourcesRequest*,
                       gm::ListResourcesResponse* response) override {
    response->add_resources()->set_uri("test://a");
    response->mutable_resources(0)->set_name("a");
    return Status::OK;
  }

  Status ReadResource(ServerContext*, const gm::ReadResourceRequest* request,
                      gm::ReadResourceResponse* response) override {
    response->add_resource()->set_uri(request->uri());
    response->mutable_resource(0)->set_text("read");
    return Status::OK;
  }

  Status ListPrompts(ServerContext* context, const gm::ListPromptsRequest* request,
                     gm::ListPromptsResponse* response) override {
    if (!options_.all) return gm::Mcp::Service::ListPrompts(context, request, response);
    response->add_prompts()->set_name("greet");
    return Status::OK;
  }

  Status GetPrompt(ServerContext* context, const gm::GetPromptRequest* request,
                   gm::GetPromptResponse* response) override {
    if (!options_.all) return gm::Mcp::Service::GetPrompt(context, request, response);
    response->add_messages()->mutable_text()->set_text("hello " + request->arguments().at("who"));
    return Status::OK;
  }

  Status Complete(ServerContext* context, const gm::CompletionRequest* request,
                  gm::CompletionResponse* response) override {
    if (!options_.all) return gm::Mcp::Service::Complete(context, request, response);
    response->add_values(request->argument().value() + "x");
    return Status::OK;
  }

  Status CallTool(ServerContext* context, const gm::CallToolRequest* request,
                  gm::CallToolResponse* response) override {
    const std::size_t index = Note(*context, *request);
    Script script;
    {
      const std::lock_guard lock(mutex_);
      script = script_;
    }
    if (script) {
      Answer answer = script(*request);
      response->Swap(&answer.response);
      if (!answer.mcp_error_code.empty()) {
        context->AddTrailingMetadata("mcp-error-code", answer.mcp_error_code);
      }
      return Status(answer.code, answer.message);
    }
    const std::string text = TextOf(*request);
    if (request->request().name() == "held" && !Hold(*context, text, index)) {
      return Status::CANCELLED;
    }
    response->add_content()->mutable_text()->set_text(text);
    return Status::OK;
  }

  static std::string TextOf(const gm::CallToolRequest& request) {
    const auto& fields = request.request().arguments().fields();
    const auto found = fields.find("text");
    return found == fields.end() ? "" : found->second.string_value();
  }

  std::size_t Note(const ServerContext& context, const gm::CallToolRequest& request) {
    Call call{.request = request,
              .text = TextOf(request),
              .metadata = {},
              .deadline = std::chrono::duration_cast<std::chrono::milliseconds>(
                  context.deadline() - std::chrono::system_clock::now())};
    for (const auto& [name, value] : context.client_metadata()) {
      call.metadata.emplace(std::string(name.data(), name.size()),
                            std::string(value.data(), value.size()));
    }
    const std::lock_guard lock(mutex_);
    calls_.push_back(std::move(call));
    changed_.notify_all();
    return calls_.size() - 1;
  }

  // False: its caller has given up. gRPC gives a blocking handler no other sign than this flag.
  bool Hold(ServerContext& context, const std::string& text, std::size_t index) {
    std::unique_lock lock(mutex_);
    while (!released_.contains(text)) {
      if (context.IsCancelled()) {
        calls_[index].cancelled = true;
        changed_.notify_all();
        return false;
      }
      changed_.wait_for(lock, std::chrono::milliseconds(5));
    }
    return true;
  }

  Options options_;
  std::unique_ptr<grpc::Server> server_;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  Script script_;
  std::vector<Call> calls_;
  std::set<std::string> released_;
};

FakeGoogleServer::FakeGoogleServer(Options options)
    : impl_(std::make_unique<Impl>(std::move(options))) {}
FakeGoogleServer::~FakeGoogleServer() = default;

std::uint16_t FakeGoogleServer::port() const { return impl_->options_.port; }
std::string FakeGoogleServer::url() const {
  return "grpc://127.0.0.1:" + std::to_string(impl_->options_.port);
}

void FakeGoogleServer::SetScript(Script script) {
  const std::lock_guard lock(impl_->mutex_);
  impl_->script_ = std::move(script);
}

std::vector<FakeGoogleServer::Call> FakeGoogleServer::Calls() const {
  const std::lock_guard lock(impl_->mutex_);
  return impl_->calls_;
}

bool FakeGoogleServer::WaitFor(const std::function<bool(const std::vector<Call>&)>& predicate,
                               std::chrono::milliseconds timeout) const {
  std::unique_lock lock(impl_->mutex_);
  return impl_->changed_.wait_for(lock, timeout, [&] { return predicate(impl_->calls_); });
}

bool FakeGoogleServer::WaitForCalls(std::size_t count) const {
  return WaitFor([count](const auto& calls) { return calls.size() >= count; });
}

bool FakeGoogleServer::WaitForCancels(std::size_t count) const {
  return WaitFor([count](const auto& calls) {
    return static_cast<std::size_t>(std::ranges::count_if(
               calls, [](const Call& call) { return call.cancelled; })) >= count;
  });
}

void FakeGoogleServer::Release(const std::string& text) {
  const std::lock_guard lock(impl_->mutex_);
  impl_->released_.insert(text);
  impl_->changed_.notify_all();
}

void FakeGoogleServer::Stop() { impl_->Stop(); }
void FakeGoogleServer::Restart() { impl_->Serve(); }

}  // namespace mcpbridge

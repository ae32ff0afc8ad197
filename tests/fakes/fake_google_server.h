#pragma once

#include <grpcpp/security/server_credentials.h>
#include <model_context_protocol/mcp.pb.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace mcpbridge {

// A server of model_context_protocol.Mcp on a free port of 127.0.0.1, which records what comes and
// answers as it is told. It has the tools echo, held and those of a handler's own, and a resource;
// prompts and completion it doesn't implement, unless `all`. Thread-safe.
class FakeGoogleServer {
 public:
  struct Options {
    bool all = false;
    std::uint16_t port = 0;  // 0: any free one
    std::shared_ptr<grpc::ServerCredentials> credentials = grpc::InsecureServerCredentials();
  };

  // How a tools/call is answered.
  struct Answer {
    grpc::StatusCode code = grpc::StatusCode::OK;
    std::string message = {};
    std::string mcp_error_code = {};  // the trailer; empty: none
    model_context_protocol::CallToolResponse response = {};
  };
  using Script = std::function<Answer(const model_context_protocol::CallToolRequest&)>;

  // One tools/call.
  struct Call {
    model_context_protocol::CallToolRequest request;
    std::string text;  // its argument `text`
    std::multimap<std::string, std::string> metadata;
    std::chrono::milliseconds deadline;  // what was left on arrival
    bool cancelled = false;              // while it was held

    std::string Header(const std::string& name) const;
  };

  FakeGoogleServer() : FakeGoogleServer(Options{}) {}
  explicit FakeGoogleServer(Options options);
  ~FakeGoogleServer();

  std::uint16_t port() const;
  std::string url() const;  // grpc://127.0.0.1:PORT

  // For calls that come from now on. Without one, echo gives back its `text`, and held does so when
  // it is released.
  void SetScript(Script script);

  std::vector<Call> Calls() const;
  // Waits until `predicate` holds of the calls; false: it didn't within `timeout`.
  bool WaitFor(const std::function<bool(const std::vector<Call>&)>& predicate,
               std::chrono::milliseconds timeout = std::chrono::seconds(30)) const;
  bool WaitForCalls(std::size_t count) const;
  bool WaitForCancels(std::size_t count) const;

  // Lets the held call with this text be answered, now or when it comes.
  void Release(const std::string& text);

  // Stops, and breaks off what is under way; and serves again at the same port.
  void Stop();
  void Restart();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mcpbridge

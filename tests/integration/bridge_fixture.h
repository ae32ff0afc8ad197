#pragma once

#include <grpcpp/channel.h>

#include <cstdint>
#include <memory>
#include <string>

#include "mcpbridge/v1/tool_service.grpc.pb.h"
#include "server/app/app.h"
#include "server/config/config.h"
#include "server/runtime/executor.h"

namespace mcpbridge::test {

// Longer than anything here takes, even under a sanitizer on a busy machine.
inline constexpr std::chrono::seconds kPatience{30};

// A configuration with one http server per (name, url), two lanes, free ports, and no admin
// listener.
Config ConfigWith(std::vector<std::pair<std::string, std::string>> servers);

// A whole bridge in this process, serving until it is destroyed.
class Bridge {
 public:
  explicit Bridge(Config config);
  ~Bridge();

  std::uint16_t http_port() const { return http_port_; }
  // Of the configuration's admin_listen, if it has one on TCP.
  std::uint16_t admin_port() const { return admin_port_; }
  const std::string& grpc_address() const { return addresses_.grpc; }
  App& app() { return *app_; }
  Executor& executor() { return executor_; }
  int thread_count() const { return executor_.thread_count(); }

  // A channel of its own, shared with nobody.
  std::shared_ptr<grpc::Channel> Channel() const;
  std::unique_ptr<v1::ToolService::Stub> Stub() const {
    return v1::ToolService::NewStub(Channel());
  }

  // Waits until the server serves, every lane knows its tools, and no call is under way; false: it
  // took too long.
  bool WaitForTools(const std::string& server);

  // Waits until no call is under way; false: it took too long. A call whose answer has arrived may
  // still be counted as one.
  bool WaitUntilIdle();

 private:
  const Config config_;
  Executor executor_;
  std::unique_ptr<App> app_;
  App::Addresses addresses_;
  std::uint16_t http_port_ = 0;
  std::uint16_t admin_port_ = 0;
};

inline bool Has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// {"jsonrpc":"2.0","id":ID,"method":"tools/call","params":{"name":TOOL,"arguments":{"text":TEXT}}}
std::string CallMessage(const std::string& id, const std::string& tool, const std::string& text);

// google.rpc.ErrorInfo.reason of a status; empty: it has none.
std::string ReasonOf(const grpc::Status& status);

// error.data.reason of a JSON-RPC error; empty: it has none.
std::string ReasonOf(const std::string& body);

}  // namespace mcpbridge::test

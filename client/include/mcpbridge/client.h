#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mcpbridge/outcome.h"
#include "mcpbridge/retries.h"
#include "mcpbridge/tools.h"

// MCP tools through an mcp-bridge:
//
//   mcpbridge::client::Client bridge("127.0.0.1:50051");
//   auto result = bridge.CallTool({.tool = "echo", .arguments_json = R"({"text":"hello"})"},
//                                 {.timeout = std::chrono::seconds(2)});
//   if (!result) return Fail(result.error().message);
//   for (const auto& content : result->content) ...
//
// Nothing here throws. gRPC and protobuf stay behind the interface.
namespace mcpbridge::client {

// TLS, for a bridge that is behind something that ends it. Who answers is always verified: by the
// root certificates, and by its name. All texts are PEM.
struct TlsOptions {
  // Whom to trust. Empty: whom the system trusts, or the file that
  // GRPC_DEFAULT_SSL_ROOTS_FILE_PATH names.
  std::string root_certificates = {};

  // Who we are, for an endpoint that asks: our certificate with those that vouch for it, and its
  // key. Both or neither.
  std::string client_certificates = {};
  std::string client_key = {};

  // The name that its certificate must have, and that it is asked for. Empty: the address's host.
  std::string server_name = {};
};

// Filled in before a Client is made; immutable afterwards. What is wrong with them is told by every
// call, as kInvalidArgument.
struct ClientOptions {
  // The bridge's key, sent as `authorization: Bearer KEY` with every call; empty: none. Without
  // `tls` the connection is not encrypted: then use one on this machine or in a network that you
  // trust.
  std::string api_key = {};

  // Absent: the connection is not encrypted, which is how the bridge itself listens.
  std::optional<TlsOptions> tls = {};

  // What the calls that wait for their end do after a failure by which the bridge says that nothing
  // was executed. Any other failure is final, and so is every failure unless you ask for more than
  // one attempt. What StartCallTool() and StartCallToolStream() begin is one attempt; `Retries`
  // tells when to begin another.
  RetryPolicy retries = {};

  // The longest answer taken, in bytes; a longer one ends its call with kResourceExhausted. The
  // default is the bridge's own bound on a result, and room for what wraps it.
  std::size_t max_response_bytes = (std::size_t{64} << 20) + (std::size_t{1} << 20);
};

// Bounds of one call. Where both are set the earlier one counts; where neither is, the bridge's own
// bound. Past it the call ends with kDeadlineExceeded, and the MCP server is told.
struct CallOptions {
  std::optional<std::chrono::nanoseconds> timeout = {};  // from the start of the call to its end
  std::optional<std::chrono::steady_clock::time_point> deadline = {};

  // Further request metadata, names in lower case: headers that the bridge passes on to a server
  // whose `extra_headers` name them.
  std::vector<std::pair<std::string, std::string>> metadata = {};
};

// Told what the server says in the course of a call, in order and before the call's end. They run
// on the Client's own thread and hold its other calls up: keep them short. They may Cancel() the
// call, but must not destroy it or the Client.
struct CallEvents {
  std::function<void(const Progress&)> on_progress = {};
  std::function<void(const LogMessage&)> on_log = {};

  // This many events were left out, because they came faster than they were taken.
  std::function<void(int)> on_dropped = {};

  // Only log messages of this level and above, e.g. "warning". Empty: all.
  std::string log_level = {};
};

// A call under way. Destroying it before its end cancels the call: the MCP server is told, and no
// other call notices. May outlive its Client. Movable; a moved-from one may only be destroyed or
// assigned.
class PendingCall {
 public:
  struct State;  // internal

  explicit PendingCall(std::shared_ptr<State> state);
  PendingCall(PendingCall&& other) noexcept = default;
  PendingCall& operator=(PendingCall&& other) noexcept;
  ~PendingCall();

  // Blocks until the call's end. What it returns lives as long as this object and is the same each
  // time. Thread-safe.
  const Outcome<CallResult>& Wait();

  // The same for at most `time`; null: the call is still under way. Thread-safe.
  const Outcome<CallResult>* WaitFor(std::chrono::nanoseconds time);

  // Asks for the end of the call, which is kCancelled unless a result came first. Does not wait.
  // Thread-safe; no effect after the end.
  void Cancel();

 private:
  std::shared_ptr<State> state_;
};

// A connection to one mcp-bridge, made when first needed and made again when lost. Making one is
// expensive, calls are cheap: keep it. Thread-safe, but for its destruction, which cancels what
// StartCallTool() began and waits until that has ended.
class Client {
 public:
  // `address`: where the bridge's gRPC front listens, "host:port" or "unix:/path". Doesn't connect.
  explicit Client(const std::string& address, ClientOptions options = {});
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Runs a tool and waits for its result.
  //
  // Errors: kNotFound, kInvalidArgument, kPermissionDenied, kUnauthenticated, kUnavailable,
  // kResourceExhausted, kDeadlineExceeded, and what docs/errors.md adds.
  Outcome<CallResult> CallTool(const CallRequest& request, const CallOptions& options = {});

  // Starts a call and returns at once. One thread of this Client, started with the first such call,
  // serves all of them.
  PendingCall StartCallTool(const CallRequest& request, const CallOptions& options = {});

  // The same, and `events` are told what the server says meanwhile.
  PendingCall StartCallToolStream(const CallRequest& request, CallEvents events,
                                  const CallOptions& options = {});

  // Runs a tool, tells `events` what its server says meanwhile, and waits for the result. Errors:
  // as CallTool(); final where `events` were told something before.
  Outcome<CallResult> CallToolStream(const CallRequest& request, CallEvents events,
                                     const CallOptions& options = {});

  // All tools, page by page until the last: of one server, by bare names, or of all (empty).
  // `options` bound the whole of it.
  Outcome<ToolList> ListTools(const std::string& server = {}, const CallOptions& options = {});

  // The configured servers and how they are, sorted by name. Contacts the bridge only.
  Outcome<std::vector<Server>> ListServers(const CallOptions& options = {});

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mcpbridge::client

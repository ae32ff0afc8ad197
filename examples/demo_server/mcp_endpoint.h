#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "examples/demo_server/rpc_reader.h"
#include "examples/demo_server/running_call.h"
#include "examples/demo_server/sessions.h"
#include "examples/demo_server/stats.h"

namespace mcpbridge::demo {

// When tools/call is answered by an event stream.
enum class AnswerForm { kJson, kSse, kAuto };

struct Options {
  std::chrono::milliseconds my_tool_time{100};
  // kAuto: an event stream once the call reports progress, JSON otherwise. HTTP only.
  AnswerForm answer = AnswerForm::kAuto;
  // Over HTTP, `initialize` opens a session and all else needs one.
  bool sessions = true;
  int more_tools = 0;
};

// What all threads share. Outlives every endpoint.
struct Shared {
  explicit Shared(Options o)
      : options(o), tool_list(ToolListResult(options.more_tools)), calls(stats) {}

  const Options options;
  const std::string tool_list;  // the raw result of tools/list
  Stats stats;
  Sessions sessions;
  CallTable calls;
};

// What came of one message.
struct Outcome {
  enum class Kind {
    kReply,     // `reply` is the whole JSON-RPC response
    kAccepted,  // a notification or a response: nothing to say
    kRunning,   // `call` will tell the sink
  };
  Kind kind = Kind::kReply;
  int http_status = 200;
  std::string session_opened = {};  // empty: none
  std::shared_ptr<RunningCall> call = {};
};

// Speaks MCP with one thread's callers, whatever the transport.
class McpEndpoint {
 public:
  McpEndpoint(Shared& shared, boost::asio::io_context& io) : shared_(shared), io_(io) {}
  McpEndpoint(const McpEndpoint&) = delete;
  McpEndpoint& operator=(const McpEndpoint&) = delete;

  Shared& shared() { return shared_; }
  boost::asio::io_context& io() { return io_; }

  // Handles the message `text`, which may grow by simdjson's padding. `session` is the caller's
  // session id, empty: none given; `with_sessions` says whether the transport has any. `sink` must
  // live until a call that is kRunning ends, or is detached or abandoned. Replaces `reply`.
  Outcome Handle(std::string& text, const std::string& session, bool with_sessions, CallSink& sink,
                 std::string& reply);

 private:
  Outcome Initialize(const RpcMessage& message, bool with_sessions, std::string& reply);
  Outcome Notified(const RpcMessage& message, const std::string& session);
  Outcome CallTool(const RpcMessage& message, const std::string& session, CallSink& sink,
                   std::string& reply);

  Shared& shared_;
  boost::asio::io_context& io_;
  RpcReader reader_;
  std::string result_;  // of the call at hand; kept for its memory
};

// 2024-11-05, 2025-03-26, 2025-06-18 or 2025-11-25.
bool IsKnownVersion(std::string_view version);

// Replaces `out` by a JSON-RPC response; `id`, raw, is left out where empty. `text` needs no
// escapes.
void WriteResult(std::string& out, std::string_view id, std::string_view raw_result);
void WriteError(std::string& out, std::string_view id, int code, std::string_view text);

}  // namespace mcpbridge::demo

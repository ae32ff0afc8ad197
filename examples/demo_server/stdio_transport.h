#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <deque>
#include <string>
#include <string_view>

#include "examples/demo_server/mcp_endpoint.h"

namespace mcpbridge::demo {

// MCP on standard input and output, a message per line, any number of calls at once. When input
// ends, what has been answered is written and the io_context stops. One thread.
class StdioTransport final : private CallSink {
 public:
  explicit StdioTransport(McpEndpoint& endpoint);
  StdioTransport(const StdioTransport&) = delete;
  StdioTransport& operator=(const StdioTransport&) = delete;

  void Start() { Read(); }

 private:
  void Read();
  void HandleLines();
  void Send(std::string_view json);
  void Flush();
  void OnInputEnd();

  void OnNotification(std::string_view json) override { Send(json); }
  void OnReply(std::string_view json) override { Send(json); }
  void OnCancelled() override {}

  McpEndpoint& endpoint_;
  boost::asio::posix::stream_descriptor input_;
  boost::asio::posix::stream_descriptor output_;
  std::string in_;        // read, up to an incomplete line
  std::size_t seen_ = 0;  // of in_, searched for a line end
  std::string line_;
  std::string reply_;
  std::string out_;
  std::string sending_;
  bool writing_ = false;
  bool ended_ = false;
};

}  // namespace mcpbridge::demo

#include "examples/demo_server/stdio_transport.h"

#include <unistd.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <utility>

namespace mcpbridge::demo {

using boost::system::error_code;

StdioTransport::StdioTransport(McpEndpoint& endpoint)
    : endpoint_(endpoint),
      input_(endpoint.io(), ::dup(STDIN_FILENO)),
      output_(endpoint.io(), ::dup(STDOUT_FILENO)) {}

void StdioTransport::Read() {
  constexpr std::size_t kPiece = 64 << 10;
  const std::size_t before = in_.size();
  in_.resize(before + kPiece);
  input_.async_read_some(boost::asio::buffer(in_.data() + before, kPiece),
                         [this, before](error_code error, std::size_t size) {
                           in_.resize(before + size);
                           if (error) return OnInputEnd();
                           HandleLines();
                           Read();
                         });
}

void StdioTransport::HandleLines() {
  std::size_t begin = 0;
  for (;;) {
    const std::size_t end = in_.find('\n', std::max(begin, seen_));
    if (end == std::string::npos) break;
    line_.assign(in_, begin, end - begin);
    begin = end + 1;
    if (line_.find_first_not_of(" \t\r") == std::string::npos) continue;
    const Outcome outcome = endpoint_.Handle(line_, {}, false, *this, reply_);
    if (outcome.kind == Outcome::Kind::kReply) Send(reply_);
  }
  in_.erase(0, begin);
  seen_ = in_.size();
}

void StdioTransport::Send(std::string_view json) {
  out_.append(json).append("\n");
  Flush();
}

void StdioTransport::Flush() {
  if (writing_) return;
  if (out_.empty()) {
    if (ended_) endpoint_.io().stop();
    return;
  }
  writing_ = true;
  std::swap(out_, sending_);
  boost::asio::async_write(output_, boost::asio::buffer(sending_),
                           [this](error_code error, std::size_t) {
                             writing_ = false;
                             sending_.clear();
                             if (error) return endpoint_.io().stop();
                             Flush();
                           });
}

void StdioTransport::OnInputEnd() {
  ended_ = true;
  Flush();
}

}  // namespace mcpbridge::demo

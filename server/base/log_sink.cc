#include "server/base/log_sink.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <string>

namespace mcpbridge {

void LogSink::sink_it_(const spdlog::details::log_msg& message) {
  if (dropped_ != 0) {
    const std::string text = "log: " + std::to_string(dropped_) +
                             " lines were dropped, as standard error was not read fast enough";
    const std::uint64_t before = dropped_;
    WriteLine({message.logger_name, spdlog::level::warn, text});
    if (dropped_ != before) return;  // there is no room yet: it has counted for `message`
    dropped_ = 0;
  }
  WriteLine(message);
}

void LogSink::WriteLine(const spdlog::details::log_msg& message) {
  spdlog::memory_buf_t line;
  if (within_line_) line.push_back('\n');
  formatter_->format(message, line);
  if (!Write({line.data(), line.size()})) ++dropped_;
}

// In pieces that a pipe with room for anything has room for (POSIX, PIPE_BUF). False: not all of it
// found room.
bool LogSink::Write(std::string_view text) {
  while (!text.empty()) {
    pollfd poll_fd{.fd = fd_, .events = POLLOUT, .revents = 0};
    if (::poll(&poll_fd, 1, 0) != 1 || (poll_fd.revents & POLLOUT) == 0) return false;
    const ssize_t size = ::write(fd_, text.data(), std::min<std::size_t>(text.size(), PIPE_BUF));
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(size));
    within_line_ = !text.empty();
  }
  return true;
}

}  // namespace mcpbridge

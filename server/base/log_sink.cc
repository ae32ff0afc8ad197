#include "server/base/log_sink.h"

#include <string>

#include "server/base/write_if_room.h"

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

// False: not all of it found room.
bool LogSink::Write(std::string_view text) {
  while (!text.empty()) {
    const std::size_t size = WriteIfRoom(fd_, text);
    if (size == 0) return false;
    text.remove_prefix(size);
    within_line_ = !text.empty();
  }
  return true;
}

}  // namespace mcpbridge

#pragma once

#include <spdlog/sinks/base_sink.h>

#include <cstdint>
#include <mutex>
#include <string_view>

namespace mcpbridge {

// Writes log lines to a descriptor and never waits for whoever reads it, as lanes and pumps log:
// lines that find no room are dropped, and the next one that does comes behind a line that says how
// many there were. Thread-safe.
class LogSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  // Doesn't own `fd`, which may be in blocking mode.
  explicit LogSink(int fd) : fd_(fd) {}

 private:
  void sink_it_(const spdlog::details::log_msg& message) override;
  void flush_() override {}
  void WriteLine(const spdlog::details::log_msg& message);
  bool Write(std::string_view text);

  const int fd_;
  std::uint64_t dropped_ = 0;
  bool within_line_ = false;  // only the beginning of the last line found room
};

}  // namespace mcpbridge

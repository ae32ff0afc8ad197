#pragma once

#include <boost/asio/buffer.hpp>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace mcpbridge {

// Cuts lines out of a stream of bytes that comes in chunks cut anywhere. Knows no bound: who feeds
// it compares Rest() with its own after each Commit().
class LineReader {
 public:
  // `chunk`: bytes of room that Space() offers at the least.
  explicit LineReader(std::size_t chunk) : chunk_(chunk) {}

  // Where the next bytes go; valid until the next call of anything here.
  boost::asio::mutable_buffer Space();

  // `size` bytes have been put into Space(). Calls `on_line(std::string_view)` for each line they
  // complete, without its "\n" or "\r\n"; stops early if that returns false. The view is valid
  // during the call.
  template <class F>
  void Commit(std::size_t size, F&& on_line) {
    end_ += size;
    std::string_view line;
    while (Next(line)) {
      if (!on_line(line)) return;
    }
  }

  // What there is of the line that hasn't ended.
  std::string_view Rest() const { return {data_.get() + begin_, end_ - begin_}; }
  void DropRest() { begin_ = scanned_ = end_ = 0; }

 private:
  bool Next(std::string_view& line);

  const std::size_t chunk_;
  std::unique_ptr<char[]> data_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;    // of the first line not yet given
  std::size_t scanned_ = 0;  // up to here there is no line end
  std::size_t end_ = 0;
};

// `text` for a log: control characters escaped (\x1b), cut after `max` bytes.
std::string Printable(std::string_view text, std::size_t max);

}  // namespace mcpbridge

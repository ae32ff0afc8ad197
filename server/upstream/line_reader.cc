#include "server/upstream/line_reader.h"

#include <algorithm>
#include <cstring>

namespace mcpbridge {
namespace {

// What one long line has needed beyond this is given back after it.
constexpr std::size_t kKeepCapacity = 1 << 20;

void AppendEscaped(std::string& out, unsigned char c) {
  constexpr char kHex[] = "0123456789abcdef";
  out += "\\x";
  out += kHex[c >> 4];
  out += kHex[c & 15];
}

}  // namespace

boost::asio::mutable_buffer LineReader::Space() {
  const std::size_t used = end_ - begin_;
  if (used == 0) {
    DropRest();
    if (capacity_ > kKeepCapacity) {
      data_.reset();
      capacity_ = 0;
    }
  }
  if (capacity_ - end_ < chunk_) {
    const bool grow = capacity_ < used + chunk_;
    const std::size_t capacity = grow ? std::max(2 * used, used + chunk_) : capacity_;
    std::unique_ptr<char[]> bigger =
        grow ? std::make_unique_for_overwrite<char[]>(capacity) : nullptr;
    char* const to = grow ? bigger.get() : data_.get();
    if (used > 0) std::memmove(to, data_.get() + begin_, used);
    if (grow) data_ = std::move(bigger);
    capacity_ = capacity;
    scanned_ -= begin_;
    begin_ = 0;
    end_ = used;
  }
  return {data_.get() + end_, capacity_ - end_};
}

bool LineReader::Next(std::string_view& line) {
  if (scanned_ == end_) return false;
  const void* found = std::memchr(data_.get() + scanned_, '\n', end_ - scanned_);
  if (found == nullptr) {
    scanned_ = end_;
    return false;
  }
  const auto at = static_cast<std::size_t>(static_cast<const char*>(found) - data_.get());
  line = {data_.get() + begin_, at - begin_};
  if (line.ends_with('\r')) line.remove_suffix(1);
  begin_ = scanned_ = at + 1;
  return true;
}

std::string Printable(std::string_view text, std::size_t max) {
  std::string out;
  const std::string_view shown = text.substr(0, max);
  out.reserve(shown.size() + 16);
  for (std::size_t i = 0; i < shown.size(); ++i) {
    const auto c = static_cast<unsigned char>(shown[i]);
    const auto next = static_cast<unsigned char>(i + 1 < shown.size() ? shown[i + 1] : 0);
    if (c == 0xc2 && next >= 0x80 && next < 0xa0) {  // U+0080..U+009F: terminals obey these too
      AppendEscaped(out, c);
      AppendEscaped(out, next);
      ++i;
    } else if ((c < 0x20 && c != '\t') || c == 0x7f) {
      AppendEscaped(out, c);
    } else {
      out += static_cast<char>(c);
    }
  }
  if (shown.size() < text.size()) out += "...";
  return out;
}

}  // namespace mcpbridge

#include "server/observe/access_log.h"

#include <algorithm>
#include <charconv>
#include <climits>
#include <ctime>

#include "server/base/write_if_room.h"
#include "server/jsonrpc/message.h"

namespace mcpbridge {
namespace {

// What may wait for its reader, on each lane: some 5000 lines.
constexpr std::size_t kMaxWaiting = 1 << 20;
// Until a reader that doesn't keep up is tried again.
constexpr std::chrono::milliseconds kRetry{10};
// Longer names are cut: a line must fit into what a pipe takes at once.
constexpr std::size_t kMaxKey = 256;

// Not in the middle of a character of UTF-8.
std::string_view Cut(std::string_view text) {
  if (text.size() <= kMaxKey) return text;
  std::size_t end = kMaxKey;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end);
}

void AppendMilliseconds(std::string& out, std::chrono::nanoseconds time) {
  char digits[48];
  const double ms = std::chrono::duration<double, std::milli>(time).count();
  const auto end =
      std::to_chars(std::begin(digits), std::end(digits), ms, std::chars_format::fixed, 3).ptr;
  out.append(digits, end);
}

std::string Timestamp(std::chrono::system_clock::time_point now) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(now);
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now - seconds).count();
  const std::time_t time = std::chrono::system_clock::to_time_t(seconds);
  std::tm utc{};
  gmtime_r(&time, &utc);
  char text[40];
  const std::size_t size = std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc);
  const std::string fraction = std::to_string(1000 + ms);
  return std::string(text, size) + "." + fraction.substr(1) + "Z";
}

bool IsPlain(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return c > ' ' && c < 0x7F && c != '"' && c != '\\' && c != '=';
  });
}

// The members of a line, in either form.
class LineWriter {
 public:
  LineWriter(AccessLog::Format format, std::string& out)
      : json_(format == AccessLog::Format::kJson), out_(out) {}

  void Text(std::string_view name, std::string_view value) {
    Name(name);
    if (json_ || !IsPlain(value)) {
      jsonrpc::AppendQuoted(out_, value);
    } else {
      out_ += value;
    }
  }
  void Time(std::string_view name, std::chrono::nanoseconds value) {
    Name(name);
    AppendMilliseconds(out_, value);
  }

 private:
  void Name(std::string_view name) {
    if (json_) {
      out_.append(out_.empty() ? "{\"" : ",\"").append(name).append("\":");
    } else {
      out_.append(out_.empty() ? "" : " ").append(name).append("=");
    }
  }

  const bool json_;
  std::string& out_;
};

}  // namespace

std::optional<AccessLog::Format> AccessLog::FormatOf(std::string_view name) {
  if (name == "off") return Format::kOff;
  if (name == "text") return Format::kText;
  if (name == "json") return Format::kJson;
  return std::nullopt;
}

std::string AccessLog::Line(Format format, const Entry& entry,
                            std::chrono::system_clock::time_point now) {
  std::string line;
  line.reserve(256);
  LineWriter writer(format, line);
  if (format == Format::kJson) {
    writer.Text("time", Timestamp(now));
    writer.Text("log", "access");
  } else {
    line = Timestamp(now) + " access";
  }
  writer.Text("id", entry.id);
  writer.Text("front", NameOf(entry.front));
  writer.Text("peer", Cut(entry.peer));
  writer.Text("server", Cut(entry.server));
  writer.Text("method", entry.method);
  writer.Text("key", Cut(entry.key));
  writer.Text("reason", entry.outcome);
  writer.Time("queue_ms", entry.queue);
  writer.Time("upstream_ms", entry.upstream);
  writer.Time("total_ms", entry.queue + entry.upstream);
  line += format == Format::kJson ? "}\n" : "\n";
  return line;
}

AccessLog::AccessLog(Executor& executor, Format format, int fd) : format_(format), fd_(fd) {
  for (int i = 0; i < executor.lane_count(); ++i) {
    lanes_.push_back(std::make_unique<OfLane>(executor.lane(i)));
  }
}

AccessLog::~AccessLog() {
  for (const auto& lane : lanes_) TryWrite(lane->lines);
}

void AccessLog::Write(Lane& lane, const Entry& entry) {
  OfLane& of = *lanes_[static_cast<std::size_t>(lane.index())];
  const std::string line = Line(format_, entry, std::chrono::system_clock::now());
  if (of.lines.size() + line.size() > kMaxWaiting) {
    dropped_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  of.lines += line;
  if (of.pending) return;
  of.pending = true;
  lane.Post([this, &of] { Flush(of); });
}

void AccessLog::Flush(OfLane& of) {
  of.pending = !TryWrite(of.lines);
  if (!of.pending) return;
  of.retry.expires_after(kRetry);
  of.retry.async_wait([this, &of](boost::system::error_code aborted) {
    if (!aborted) Flush(of);
  });
}

// True: nothing is left. A pipe takes what WriteIfRoom() writes at once, and
// doesn't mix them with those of others (man 7 pipe); whole lines, so that no line is torn.
bool AccessLog::TryWrite(std::string& lines) {
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (!lock) return lines.empty();
  std::size_t written = 0;
  while (written < lines.size()) {
    std::size_t size = std::min<std::size_t>(lines.size() - written, PIPE_BUF);
    if (written + size < lines.size()) {
      const std::size_t end = lines.rfind('\n', written + size - 1);
      if (end != std::string::npos && end >= written) size = end + 1 - written;
    }
    const std::size_t taken = WriteIfRoom(fd_, {lines.data() + written, size});
    if (taken == 0) break;
    written += taken;
  }
  lines.erase(0, written);
  return lines.empty();
}

}  // namespace mcpbridge

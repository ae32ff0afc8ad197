#include "server/jsonrpc/sse.h"

#include <charconv>
#include <utility>

namespace mcpbridge::jsonrpc {
namespace {

// What is kept for the next event's lines; more is given back.
constexpr std::size_t kKeepBytes = 64 << 10;

constexpr std::string_view kDataField = "data:";

// Where the first line in `text` ends; npos: it doesn't. Each byte is looked at by memchr(), which
// takes many at a time.
std::size_t LineEnd(std::string_view text) {
  const std::size_t lf = text.find('\n');
  const std::size_t cr = text.substr(0, lf).find('\r');
  return cr == std::string_view::npos ? lf : cr;
}

void ReplaceAll(std::string& text, std::size_t from, char what, char with) {
  for (std::size_t at = text.find(what, from); at != std::string::npos; at = text.find(what, at)) {
    text[at++] = with;
  }
}

}  // namespace

SseParser::Step SseParser::Take(std::string_view& chunk) {
  if (after_cr_) {
    after_cr_ = false;
    if (chunk.front() == '\n') {
      chunk.remove_prefix(1);
      return Step::kMore;
    }
  }
  const std::size_t end = LineEnd(chunk);
  const std::string_view part = chunk.substr(0, end);
  const bool fits = line_.size() + data_.size() + part.size() <= max_event_bytes_;
  if (!fits && too_large_ == TooLarge::kFail) return Step::kTooLarge;
  if (in_data_ && fits) {
    data_.append(part);
  } else {
    line_.append(part);
    if (!fits) Skip();
    if (end == std::string_view::npos) TakeBeginOfData();
  }
  if (end == std::string_view::npos) {
    chunk = {};
    return Step::kMore;
  }
  after_cr_ = chunk[end] == '\r';
  chunk.remove_prefix(end + 1);
  return EndLine();
}

// Of a long line of data only its beginning is ever in `line_`: the rest is copied once.
void SseParser::TakeBeginOfData() {
  // One byte more than the field's name: the space that may follow it.
  if (skipping_ || line_.size() <= kDataField.size() || !line_.starts_with(kDataField)) return;
  EndField();
  line_.clear();
  in_data_ = true;
}

// The event is too large. Its data go, and so does the line that has only begun, if that is.
void SseParser::Skip() {
  if (std::exchange(in_data_, false)) rest_ = Rest::kData;
  if (!skipping_) {
    skipping_.emplace();
    skipping_->Feed(data_);
    data_ = std::string();
  }
  if (line_.size() > max_event_bytes_) SkipLine();
}

void SseParser::SkipLine() {
  std::string_view part = line_;
  if (rest_ == Rest::kNothing) {
    rest_ = part.starts_with(kDataField) ? Rest::kData : Rest::kOther;
    if (rest_ == Rest::kData) {
      part.remove_prefix(kDataField.size());
      has_fields_ = true;
    }
  }
  if (rest_ == Rest::kData) skipping_->Feed(part);
  line_.clear();
}

SseParser::Step SseParser::EndLine() {
  if (rest_ != Rest::kNothing) {
    SkipLine();
    rest_ = Rest::kNothing;
    return Step::kMore;
  }
  if (std::exchange(in_data_, false)) return Step::kMore;
  if (!line_.empty()) {
    EndField();
    line_.clear();
    return Step::kMore;
  }
  at_start_ = false;
  if (line_.capacity() > kKeepBytes) line_ = std::string();
  const std::optional<IdScanner> skipped = std::exchange(skipping_, std::nullopt);
  if (!has_fields_) return Step::kMore;
  event_.type = std::move(type_);
  event_.data = skipped ? skipped->id() : std::move(data_);
  event_.id = last_id_;
  event_.retry_ms = retry_ms_;
  event_.too_large = skipped.has_value();
  type_.clear();
  data_.clear();
  retry_ms_ = -1;
  has_fields_ = false;
  return Step::kEvent;
}

void SseParser::EndField() {
  std::string_view line = line_;
  if (at_start_) {
    at_start_ = false;
    if (line.starts_with("\xEF\xBB\xBF")) line.remove_prefix(3);
  }
  const std::size_t colon = line.find(':');
  const std::string_view field = line.substr(0, colon);
  std::string_view value =
      colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (field == "data") {
    has_fields_ = true;
    if (skipping_) return skipping_->Feed(value);
    if (!data_.empty()) data_.push_back('\n');
    data_.append(value);
  } else if (field == "event") {
    type_ = value;
    has_fields_ = true;
  } else if (field == "id") {
    if (value.find('\0') == std::string_view::npos) last_id_ = value;
    has_fields_ = true;
  } else if (field == "retry") {
    int retry = -1;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), retry);
    if (error == std::errc() && end == value.data() + value.size()) retry_ms_ = retry;
    has_fields_ = true;
  }  // a comment (empty name) or an unknown field: ignored, as the standard says
}

std::string SseMessage(std::string_view json, std::string_view id) {
  static constexpr std::string_view kHead = "event: message\n";
  static constexpr std::string_view kData = "data: ";
  std::string out;
  out.reserve(kHead.size() + id.size() + kData.size() + json.size() + 8);
  out.append(kHead);
  if (!id.empty()) out.append("id: ").append(id).append("\n");
  out.append(kData);
  const std::size_t begin = out.size();
  out.append(json);
  ReplaceAll(out, begin, '\n', ' ');
  ReplaceAll(out, begin, '\r', ' ');
  return out.append("\n\n");
}

std::string SsePriming(std::string_view id, int retry_ms) {
  return std::string("id: ").append(id).append("\nretry: ") + std::to_string(retry_ms) +
         "\ndata: \n\n";
}

}  // namespace mcpbridge::jsonrpc

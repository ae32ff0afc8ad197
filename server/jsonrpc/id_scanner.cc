#include "server/jsonrpc/id_scanner.h"

#include <algorithm>

namespace mcpbridge::jsonrpc {
namespace {

constexpr std::size_t kMaxText = 20;  // of an integer with its sign; "id" is shorter

bool IsInteger(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  return !text.empty() && text.size() < kMaxText &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

void IdScanner::Feed(std::string_view piece) {
  for (const char c : piece) {
    if (in_string_) {
      if (escaped_) {
        escaped_ = false;
      } else if (c == '\\') {
        escaped_ = true;
      } else if (c == '"') {
        in_string_ = false;
      }
      if (depth_ == 1 && (place_ == Place::kKey || place_ == Place::kValue)) {
        if (text_.size() <= kMaxText) text_ += c;
        if (!in_string_ && place_ == Place::kKey) {
          is_id_ = text_ == "\"id\"";
          place_ = Place::kColon;
        }
      }
      continue;
    }
    if (c == '"') in_string_ = true;
    if (depth_ == 1) Outermost(c);
    if (c == '{' || c == '[') {
      if (++depth_ == 1) {
        place_ = c == '{' ? Place::kKey : Place::kRest;
        text_.clear();
      }
    } else if (c == '}' || c == ']') {
      --depth_;
    }
  }
}

// One character between the outermost braces, outside of strings (their first quote included).
void IdScanner::Outermost(char c) {
  const bool blank = c == ' ' || c == '\t' || c == '\n' || c == '\r';
  switch (place_) {
    case Place::kKey:
      if (!blank) text_ += c;  // the quote that opens it
      break;
    case Place::kColon:
      if (c == ':') {
        place_ = Place::kValue;
        text_.clear();
      }
      break;
    case Place::kValue:
      if (c == ',' || c == '}') {
        if (is_id_) id_ = IsInteger(text_) ? text_ : std::string();
        is_id_ = false;
        place_ = Place::kKey;
        text_.clear();
      } else if (!blank && text_.size() <= kMaxText) {
        text_ += c;
      }
      break;
    case Place::kRest:
      break;
  }
}

}  // namespace mcpbridge::jsonrpc

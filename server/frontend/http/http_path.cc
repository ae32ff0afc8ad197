#include "server/frontend/http/http_path.h"

#include <algorithm>
#include <charconv>

namespace mcpbridge {
namespace {

// "a%2Cb" -> "a,b". What isn't a valid escape stays.
std::string PercentDecoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    const char* const digits = text.data() + i + 1;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(digits, digits + 2, value, 16).ptr == digits + 2) {
      out += static_cast<char>(value);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

}  // namespace

HttpPath HttpPath::Parse(std::string_view target) {
  std::string_view path = target.substr(0, target.find('?'));
  if (path == "/healthz") return {.kind = Kind::kHealthz, .names = {}};
  if (path == "/readyz") return {.kind = Kind::kReadyz, .names = {}};
  if (path.ends_with('/')) path.remove_suffix(1);
  if (path == "/mcp") return {.kind = Kind::kMcp, .names = {}};
  if (path == kSseMessagesPath) return {.kind = Kind::kSseMessages, .names = {}};
  if (path == "/sse" || path == "/mcp/sse") return {.kind = Kind::kSse, .names = {}};
  static constexpr std::string_view kSse = "/sse";
  if (path.ends_with(kSse) && path.find('/', 1) == path.size() - kSse.size()) {
    return {.kind = Kind::kSse,
            .names = PercentDecoded(path.substr(1, path.size() - 1 - kSse.size()))};
  }
  static constexpr std::string_view kMcp = "/mcp";
  std::string_view names;
  if (path.starts_with("/mcp/")) {
    names = path.substr(kMcp.size() + 1);
  } else if (path.ends_with(kMcp) && path.size() > kMcp.size() + 1) {
    names = path.substr(1, path.size() - kMcp.size() - 1);
  }
  if (names.empty() || names.find('/') != std::string_view::npos) return {};
  return {.kind = Kind::kMcp, .names = PercentDecoded(names)};
}

std::string_view QueryValue(std::string_view target, std::string_view name) {
  const std::size_t question = target.find('?');
  std::string_view query = question == std::string_view::npos ? "" : target.substr(question + 1);
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    if (pair.starts_with(name) && pair.substr(name.size()).starts_with('=')) {
      return pair.substr(name.size() + 1);
    }
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
  }
  return {};
}

}  // namespace mcpbridge

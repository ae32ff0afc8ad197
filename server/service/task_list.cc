#include "server/service/task_list.h"

#include <absl/strings/escaping.h>

#include <algorithm>

#include "server/jsonrpc/message.h"

namespace mcpbridge {
namespace {

constexpr char kSeparator = '\0';  // occurs neither in names nor in raw JSON
constexpr std::string_view kMember = "tasks";

Error NotOurs() {
  return Error{
      .reason = Reason::kInvalidArguments,
      .message = "the cursor is not one that this bridge gave for a list of these servers"};
}

std::vector<std::string_view> Split(std::string_view text) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t end = std::min(text.find(kSeparator), text.size());
    parts.push_back(text.substr(0, end));
    if (end == text.size()) return parts;
    text.remove_prefix(end + 1);
  }
}

bool IsJsonString(std::string_view raw) {
  jsonrpc::Text text{std::string(raw)};
  jsonrpc::Parser parser;
  std::string_view plain;
  return raw.size() >= 2 && raw.front() == '"' && raw.back() == '"' &&
         !parser.Get().iterate(text.Padded()).get(parser.document()) &&
         !parser.document().get_string().get(plain) &&
         parser.document().current_location().error() == simdjson::OUT_OF_BOUNDS;
}

}  // namespace

std::string TaskCursorOf(const Config& config, const Scope& scope, const TaskPositions& positions) {
  std::string text(kMember);
  text.append(1, kSeparator).append(scope.Names(config));
  for (const auto& [server, cursor] : positions) {
    text.append(1, kSeparator).append(config.servers[server].name);
    text.append(1, kSeparator).append(cursor);
  }
  return absl::WebSafeBase64Escape(text);
}

Result<TaskPositions> ParseTaskCursor(const Config& config, const Scope& scope,
                                      std::string_view cursor) {
  std::string text;
  const bool is_base64 =
      absl::WebSafeBase64Unescape(absl::string_view(cursor.data(), cursor.size()), &text);
  // Decoding overlooks padding and white space.
  if (!is_base64 || absl::WebSafeBase64Escape(text) != cursor) return NotOurs();
  const std::vector<std::string_view> parts = Split(text);
  const bool is_whole = parts.size() >= 4 && parts.size() % 2 == 0;
  if (!is_whole || parts[0] != kMember || parts[1] != scope.Names(config)) return NotOurs();
  TaskPositions positions;
  for (std::size_t i = 2; i < parts.size(); i += 2) {
    const auto server = IndexOf(config, parts[i]);
    const bool is_new = std::none_of(positions.begin(), positions.end(), [&](const auto& position) {
      return server && position.first == *server;
    });
    if (!server || !scope.Contains(*server) || !is_new || !IsJsonString(parts[i + 1])) {
      return NotOurs();
    }
    positions.emplace_back(*server, parts[i + 1]);
  }
  return positions;
}

}  // namespace mcpbridge

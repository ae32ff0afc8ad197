#include "server/service/list_page.h"

#include <absl/strings/escaping.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "server/jsonrpc/message.h"

namespace mcpbridge {
namespace {

constexpr char kSeparator = '\0';  // may occur in the last part only, the key

Error Invalid(std::string message) {
  return Error{.reason = Reason::kInvalidArguments, .message = std::move(message)};
}

// What is before the next separator, which goes as well; nothing is left in `text` without one.
std::string_view TakePart(std::string_view& text) {
  const std::size_t end = std::min(text.find(kSeparator), text.size());
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return part;
}

}  // namespace

std::string CursorOf(ListKind kind, std::string_view scope, const PagePosition& position) {
  std::string text(InfoOf(kind).member);
  text.append(1, kSeparator).append(scope);
  text.append(1, kSeparator).append(position.server);
  text.append(1, kSeparator).append(position.key);
  return absl::WebSafeBase64Escape(text);
}

Result<PagePosition> ParseCursor(std::string_view cursor, ListKind kind, std::string_view scope) {
  if (cursor.empty()) return PagePosition();
  std::string text;
  const bool is_base64 =
      absl::WebSafeBase64Unescape(absl::string_view(cursor.data(), cursor.size()), &text);
  // Decoding overlooks padding and white space.
  if (!is_base64 || absl::WebSafeBase64Escape(text) != cursor) {
    return Invalid("the cursor is not one that this bridge gave");
  }
  std::string_view rest = text;
  const std::string_view member = TakePart(rest);
  const std::string_view its_scope = TakePart(rest);
  const std::string_view server = TakePart(rest);
  if (server.empty() || rest.empty()) return Invalid("the cursor is not one that this bridge gave");
  if (member != InfoOf(kind).member) return Invalid("the cursor belongs to another list");
  if (its_scope != scope) return Invalid("the cursor belongs to a list of other servers");
  return PagePosition{.server = std::string(server), .key = std::string(rest)};
}

Page TakePage(const Listing& listing, const PageRequest& request) {
  const auto is_before = [&](const Listing::Item& item) {
    return std::tuple<std::string_view, std::string_view>(item.server, item.entry->key) <=
           std::tuple<std::string_view, std::string_view>(request.after.server, request.after.key);
  };
  const auto begin = std::partition_point(listing.items.begin(), listing.items.end(), is_before);
  auto end = begin;
  for (std::size_t bytes = 0; end != listing.items.end(); ++end) {
    const std::size_t size = end->entry->json.size() + end->listed_name.size();
    const auto taken = static_cast<std::size_t>(end - begin);
    if (taken > 0 && (taken >= request.max_items || bytes + size > request.max_bytes)) break;
    bytes += size;
  }
  Page page{.items = {begin, end}, .next_cursor = {}};
  if (end == listing.items.end() || page.items.empty()) return page;
  const Listing::Item& last = page.items.back();
  page.next_cursor = CursorOf(listing.kind, listing.scope,
                              {.server = std::string(last.server), .key = last.entry->key});
  return page;
}

std::string UnavailableMeta(const std::vector<std::pair<std::string, Error>>& unavailable) {
  std::string out = R"({"mcp-bridge/unavailable":[)";
  const char* separator = "";
  for (const auto& [server, error] : unavailable) {
    out += std::exchange(separator, ",");
    out += R"({"server":)" + jsonrpc::Quote(server) + R"(,"error":)" +
           jsonrpc::Quote(error.message) + "}";
  }
  return out + "]}";
}

std::string ResultOf(const Listing& listing, const Page& page) {
  std::string result = "{\"";
  result.append(InfoOf(listing.kind).member).append("\":[");
  const char* separator = "";
  for (const Listing::Item& item : page.items) {
    result += std::exchange(separator, ",");
    result += item.entry->JsonNamed(item.listed_name);
  }
  result += ']';
  if (!page.next_cursor.empty()) result += R"(,"nextCursor":")" + page.next_cursor + '"';
  if (!listing.unavailable.empty()) {
    result += R"(,"_meta":)" + UnavailableMeta(listing.unavailable);
  }
  return result + '}';
}

}  // namespace mcpbridge

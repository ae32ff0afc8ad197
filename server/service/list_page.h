#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/base/error.h"
#include "server/routing/list_kind.h"
#include "server/service/listing.h"

namespace mcpbridge {

inline constexpr std::size_t kMaxPageItems = 1000;
inline constexpr std::size_t kMaxPageBytes = 4 << 20;

// The last item of a page. The next page begins behind it, also when it is gone by then.
struct PagePosition {
  std::string server;  // empty: the beginning
  std::string key;     // the server's own

  bool operator==(const PagePosition&) const = default;
};

// Opaque to callers; URL-safe ASCII without padding. `scope`: see Listing.
std::string CursorOf(ListKind kind, std::string_view scope, const PagePosition& position);

// The empty cursor is the beginning. Errors: kInvalidArguments (not a cursor of ours, or one of
// another list or `scope`).
Result<PagePosition> ParseCursor(std::string_view cursor, ListKind kind, std::string_view scope);

struct PageRequest {
  PagePosition after;
  // The page's bounds; the first item is on it whatever its size.
  std::size_t max_items = kMaxPageItems;
  std::size_t max_bytes = kMaxPageBytes;  // of the items' JSON
};

// Part of a Listing, which outlives it.
struct Page {
  std::span<const Listing::Item> items;
  std::string next_cursor;  // empty: this is the last page
};
Page TakePage(const Listing& listing, const PageRequest& request);

// {"mcp-bridge/unavailable":[{"server":...,"error":...}]}: of servers that have no part in a
// result.
std::string UnavailableMeta(const std::vector<std::pair<std::string, Error>>& unavailable);

// The result of MCP's list method: {"tools":[...],"nextCursor":...,"_meta":...}, the last two
// where there is something to say.
std::string ResultOf(const Listing& listing, const Page& page);

}  // namespace mcpbridge

#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/base/error.h"

namespace mcpbridge {

// One tool as its server describes it.
struct ToolEntry {
  std::string name;  // the server's own name for it
  std::string json;  // the tool object, verbatim
  // Where in `json` the raw value of "name" stands, quotes included.
  std::size_t name_begin = 0;
  std::size_t name_size = 0;

  // `json` with another name in it.
  std::string JsonNamed(std::string_view new_name) const;
};

// The tools of one server as of one moment, sorted by name. Immutable.
struct Catalogue {
  std::vector<ToolEntry> tools;

  // Null: no such tool.
  const ToolEntry* Find(std::string_view name) const;
};

// Reads one page of tools/list from a raw result into `catalogue` (unsorted), and the next page's
// cursor (raw JSON string; empty: none). Errors: kUpstreamProtocol.
Result<std::string> AppendToolsPage(std::string_view raw_result, Catalogue& catalogue);

// Sorts by name and drops later tools of the same name.
void Finish(Catalogue& catalogue);

}  // namespace mcpbridge

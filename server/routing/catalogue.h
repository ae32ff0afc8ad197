#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/base/error.h"
#include "server/routing/list_kind.h"

namespace mcpbridge {

// One tool, resource, resource template or prompt as its server describes it.
struct ListEntry {
  std::string key;   // the server's own name, uri or uriTemplate of it
  std::string json;  // the object, verbatim
  // Where in `json` the raw value of the key stands, quotes included.
  std::size_t key_begin = 0;
  std::size_t key_size = 0;

  // `json` with another key in it.
  std::string JsonNamed(std::string_view new_key) const;

  bool operator==(const ListEntry&) const = default;
};

// One list of one server, sorted by key, each key once.
struct EntryList {
  std::vector<ListEntry> entries;

  // Null: no such entry.
  const ListEntry* Find(std::string_view key) const;

  bool operator==(const EntryList&) const = default;
};

// The lists of one server as of one moment. Immutable once published; what didn't change between
// two of them is shared.
struct Catalogue {
  struct Slot {
    std::shared_ptr<const EntryList> list;  // null: not known
    std::optional<Error> failure;           // why the server's last answer about it was no list
  };
  PerList<Slot> lists;

  // Null: not known.
  const EntryList* Known(ListKind kind) const { return lists[kind].list.get(); }
};

// Reads one page of a list from a raw result into `list` (unsorted), and the next page's cursor
// (raw JSON string; empty: none). Errors: kUpstreamProtocol.
Result<std::string> AppendPage(ListKind kind, std::string_view raw_result, EntryList& list);

// Sorts by key and drops later entries of the same key.
void Finish(EntryList& list);

}  // namespace mcpbridge

#include "server/routing/catalogue.h"

#include <algorithm>

#include "server/jsonrpc/message.h"

namespace mcpbridge {
namespace {

namespace od = simdjson::ondemand;

Error Malformed(const ListKindInfo& kind, std::string_view what) {
  return Error{
      .reason = Reason::kUpstreamProtocol,
      .message =
          std::string("the server's answer to ").append(kind.method).append(" ").append(what)};
}

Error NoArray(const ListKindInfo& kind) {
  return Malformed(kind, std::string("has no array `").append(kind.member).append("`"));
}

// Reads one item and checks it all the way down. False: it isn't an object with a key.
bool ReadEntry(const ListKindInfo& kind, od::object item, ListEntry& entry) {
  std::string_view raw;
  if (item.raw_json().get(raw)) return false;
  entry.json = jsonrpc::TrimEnd(raw);
  item.reset();
  for (auto field : item) {
    std::string_view member;
    if (field.error() || field.unescaped_key().get(member)) return false;
    od::value value = field.value_unsafe().value();
    if (member != kind.key) {
      if (!jsonrpc::Validate(value)) return false;
      continue;
    }
    const std::string_view token = value.raw_json_token();
    entry.key_begin = static_cast<std::size_t>(token.data() - raw.data());
    entry.key_size = jsonrpc::TrimEnd(token).size();
    std::string_view key;
    if (value.get_string().get(key)) return false;
    entry.key = key;
  }
  return !entry.key.empty();
}

std::optional<Error> ReadEntries(const ListKindInfo& kind, od::value value, EntryList& list) {
  od::array items;
  if (value.get_array().get(items)) return NoArray(kind);
  for (auto element : items) {
    od::object item;
    ListEntry entry;
    if (element.get_object().get(item) || !ReadEntry(kind, item, entry)) {
      return Malformed(kind, std::string("holds something that is not a ").append(kind.item));
    }
    list.entries.push_back(std::move(entry));
  }
  return std::nullopt;
}

}  // namespace

std::string ListEntry::JsonNamed(std::string_view new_key) const {
  if (new_key == key) return json;
  std::string out = json;
  return out.replace(key_begin, key_size, jsonrpc::Quote(new_key));
}

const ListEntry* EntryList::Find(std::string_view key) const {
  const auto at = std::lower_bound(
      entries.begin(), entries.end(), key,
      [](const ListEntry& entry, std::string_view wanted) { return entry.key < wanted; });
  return at != entries.end() && at->key == key ? &*at : nullptr;
}

Result<std::string> AppendPage(ListKind kind, std::string_view raw_result, EntryList& list) {
  const ListKindInfo& info = InfoOf(kind);
  od::parser parser;
  const simdjson::padded_string text(raw_result);
  od::document document;
  od::object result;
  if (parser.iterate(text).get(document) || document.get_object().get(result)) {
    return Malformed(info, "is not an object");
  }
  std::string cursor;
  bool has_array = false;
  for (auto field : result) {
    std::string_view member;
    if (field.error() || field.unescaped_key().get(member)) {
      return Malformed(info, "is not valid JSON");
    }
    od::value value = field.value_unsafe().value();
    if (member == "nextCursor") {
      std::string_view next;
      if (!value.get_string().get(next)) cursor = jsonrpc::Quote(next);
    } else if (member == info.member) {
      has_array = true;
      if (auto error = ReadEntries(info, value, list)) return *std::move(error);
    }
  }
  if (!has_array) return NoArray(info);
  return cursor;
}

void Finish(EntryList& list) {
  auto& entries = list.entries;
  std::stable_sort(entries.begin(), entries.end(),
                   [](const ListEntry& a, const ListEntry& b) { return a.key < b.key; });
  entries.erase(std::unique(entries.begin(), entries.end(),
                            [](const ListEntry& a, const ListEntry& b) { return a.key == b.key; }),
                entries.end());
}

}  // namespace mcpbridge

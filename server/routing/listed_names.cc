#include "server/routing/listed_names.h"

#include <cstdint>
#include <utility>

namespace mcpbridge {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::size_t kHashDigits = 8;

// FNV-1a of 64 bits, folded to 32: a name must be the same in every process.
std::uint32_t HashOf(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return static_cast<std::uint32_t>(hash ^ (hash >> 32));
}

// `text` cut to at most `size` bytes, never inside a character of UTF-8.
std::string_view Cut(std::string_view text, std::size_t size) {
  const auto inside = [&](std::size_t at) { return (text[at] & 0xc0) == 0x80; };
  if (size >= text.size()) return text;
  while (size > 0 && inside(size)) --size;
  return text.substr(0, size);
}

// `attempt`: another number, another hash.
std::string Shorten(const std::string& full, unsigned attempt) {
  const std::string_view begin = Cut(full, kMaxListedName - kHashDigits - 1);
  const std::uint32_t hash = HashOf(attempt == 0 ? full : full + '\0' + std::to_string(attempt));
  std::string out(begin);
  out += '-';
  for (int shift = 28; shift >= 0; shift -= 4) out += kHexDigits[hash >> shift & 0xf];
  return out;
}

}  // namespace

ListedNames::ListedNames(std::string prefix, std::shared_ptr<const EntryList> list)
    : prefix_(std::move(prefix)), list_(std::move(list)) {
  for (const ListEntry& entry : list_->entries) {
    if (prefix_.size() + entry.key.size() > kMaxListedName) AddShortened(entry);
  }
}

void ListedNames::AddShortened(const ListEntry& entry) {
  const std::string full = prefix_ + entry.key;
  const auto is_taken = [&](std::string_view name) {
    if (entries_.contains(name)) return true;
    return name.starts_with(prefix_) && list_->Find(name.substr(prefix_.size())) != nullptr;
  };
  std::string name = Shorten(full, 0);
  for (unsigned attempt = 1; is_taken(name); ++attempt) name = Shorten(full, attempt);
  names_.emplace(&entry, name);
  entries_.emplace(std::move(name), &entry);
}

std::string ListedNames::NameOf(const ListEntry& entry) const {
  const auto shortened = names_.find(&entry);
  return shortened == names_.end() ? prefix_ + entry.key : shortened->second;
}

const ListEntry* ListedNames::FindShortened(std::string_view name) const {
  const auto found = entries_.find(name);
  return found == entries_.end() ? nullptr : found->second;
}

bool LooksShortened(std::string_view name) {
  // Cutting between characters of UTF-8 may cost up to three bytes.
  if (name.size() > kMaxListedName || name.size() + 3 < kMaxListedName) return false;
  const std::string_view end = name.substr(name.size() - kHashDigits - 1);
  return end.front() == '-' && end.find_first_not_of(kHexDigits, 1) == end.npos;
}

}  // namespace mcpbridge

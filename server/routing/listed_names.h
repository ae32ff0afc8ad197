#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "server/routing/catalogue.h"

namespace mcpbridge {

// The longest name, in bytes, of a tool or prompt in a list: what the APIs of language models take.
inline constexpr std::size_t kMaxListedName = 64;

// The names under which the entries of one server's list are listed: a prefix and the server's own
// name; where that is too long, its beginning, '-' and 8 hexadecimal digits of its hash. They
// depend on nothing but the list, and are unique in it. Immutable.
class ListedNames {
 public:
  // Of an empty list.
  ListedNames() = default;
  // `prefix`: with the separator; may be empty.
  ListedNames(std::string prefix, std::shared_ptr<const EntryList> list);

  // `entry` is one of the list.
  std::string NameOf(const ListEntry& entry) const;

  // The entry whose name was too long and became `name`; null: none.
  const ListEntry* FindShortened(std::string_view name) const;

 private:
  void AddShortened(const ListEntry& entry);

  std::string prefix_;
  std::shared_ptr<const EntryList> list_;
  std::map<std::string, const ListEntry*, std::less<>> entries_;
  std::map<const ListEntry*, std::string> names_;
};

// Whether `name` has the form of a shortened one.
bool LooksShortened(std::string_view name);

}  // namespace mcpbridge

#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mcpbridge {

// One raw JSON object whose members can be changed while every other byte stays as it is: white
// space, order, the spelling of numbers and strings.
class JsonMembers {
 public:
  // Reads the members of `object`, one level of them: what is inside of values is not checked.
  // nullopt: it is no JSON object, or a member occurs twice. Keeps a copy.
  static std::optional<JsonMembers> Read(std::string_view object);

  // All keys, unescaped, in the order of the text.
  std::vector<std::string> Keys() const;

  // The raw value of `key`; nullopt: there is none. Valid until the next change.
  std::optional<std::string_view> Get(std::string_view key) const;

  // Gives `key` the raw `value`: in its place where it is there, otherwise as the first member.
  // `key` is a plain name, nothing in it to escape.
  void Set(std::string_view key, std::string_view value);

  // Takes the members `keys` out, each with one comma.
  void Remove(const std::vector<std::string_view>& keys);

  const std::string& text() const { return text_; }
  std::string Take() && { return std::move(text_); }

 private:
  // Where a member stands in the text.
  struct Member {
    std::string key;  // unescaped
    std::size_t begin = 0;
    std::size_t value = 0;
    std::size_t end = 0;
  };

  bool ReadMembers();
  Member* FindMember(std::string_view key);

  std::string text_;
  std::vector<Member> members_;  // in the order of the text
};

}  // namespace mcpbridge

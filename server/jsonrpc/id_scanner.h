#pragma once

#include <string>
#include <string_view>

namespace mcpbridge::jsonrpc {

// Finds the id of a message that is too long to be kept: takes its text in pieces and remembers
// nothing but where in it it is. For text that isn't JSON the answer is empty or wrong, so it is
// good only for looking up what is waited for.
class IdScanner {
 public:
  void Feed(std::string_view piece);

  // The raw integer of the outermost object's "id", the last one if there are several; empty: none
  // seen, or not an integer of at most 19 digits.
  const std::string& id() const { return id_; }

 private:
  enum class Place { kKey, kColon, kValue, kRest };

  void Outermost(char c);

  Place place_ = Place::kRest;  // of the outermost object's members
  int depth_ = 0;
  bool in_string_ = false;
  bool escaped_ = false;
  std::string text_;  // the key, or the value, as far as it can still be one we look for
  bool is_id_ = false;
  std::string id_;
};

}  // namespace mcpbridge::jsonrpc

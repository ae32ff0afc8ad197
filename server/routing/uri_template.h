#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mcpbridge {

// A URI template (RFC 6570, levels 1 to 3 and the explode modifier), read to tell whose resource a
// URI is. Lenient: who has the last word is the server. Immutable.
//
//   {var} {var:3} {a,b}   one or more characters other than '/'
//   {+var} {/var*}        anything, also nothing
//   {.var} {/var} {;var}  nothing, or the operator and characters other than '/'
//   {#var} {?a,b} {&a,b}  nothing, or the operator and anything
//   everything else       itself, also what isn't a valid expression
class UriTemplate {
 public:
  explicit UriTemplate(std::string_view text);

  // Whether `uri`, whole, can come of it. Takes time in proportion to the product of their
  // lengths; beyond 8 KiB, of either, nothing matches.
  bool Matches(std::string_view uri) const;

 private:
  struct Part {
    std::string literal = {};       // if not empty, the part is this text and nothing else
    char lead = '\0';               // comes first, or the part is empty; 0: there is none
    bool may_be_empty = true;       // without a lead
    bool crosses_segments = false;  // matches '/' too
  };

  static bool ReadExpression(std::string_view inside, Part& part);
  void AddLiteral(std::string_view text);

  std::vector<Part> parts_;
};

}  // namespace mcpbridge

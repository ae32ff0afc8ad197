#include "server/routing/uri_template.h"

#include <cstddef>

namespace mcpbridge {
namespace {

constexpr std::size_t kMaxLength = 8192;

// By position in a URI: whether what was matched so far can end there.
using Reached = std::vector<bool>;

Reached AfterLiteral(const Reached& from, std::string_view uri, std::string_view literal) {
  Reached to(from.size());
  for (std::size_t i = 0; i + literal.size() < from.size(); ++i) {
    if (from[i] && uri.substr(i, literal.size()) == literal) to[i + literal.size()] = true;
  }
  return to;
}

// Behind one or more characters, none of them '/' unless `any`.
Reached AfterRun(const Reached& from, std::string_view uri, bool any) {
  Reached to(from.size());
  bool running = false;
  for (std::size_t i = 0; i < uri.size(); ++i) {
    running = (running || from[i]) && (any || uri[i] != '/');
    to[i + 1] = running;
  }
  return to;
}

Reached Either(Reached a, const Reached& b) {
  for (std::size_t i = 0; i < a.size(); ++i) a[i] = a[i] || b[i];
  return a;
}

}  // namespace

UriTemplate::UriTemplate(std::string_view text) {
  // What is too long stays one literal, longer than any URI it is held against.
  while (!text.empty() && text.size() <= kMaxLength) {
    const std::size_t open = text.find('{');
    const std::size_t close = open == text.npos ? text.npos : text.find('}', open);
    if (close == text.npos) break;
    AddLiteral(text.substr(0, open));
    Part part;
    if (ReadExpression(text.substr(open + 1, close - open - 1), part)) {
      parts_.push_back(std::move(part));
    } else {
      AddLiteral(text.substr(open, close + 1 - open));
    }
    text.remove_prefix(close + 1);
  }
  AddLiteral(text);
}

void UriTemplate::AddLiteral(std::string_view text) {
  if (!text.empty()) parts_.push_back({.literal = std::string(text)});
}

// False: not an expression.
bool UriTemplate::ReadExpression(std::string_view inside, Part& part) {
  constexpr std::string_view kOperators = "+#./;?&";
  constexpr std::string_view kNotInNames = "{}=!@|/?#&+; ";
  const bool has_operator = !inside.empty() && kOperators.find(inside.front()) != inside.npos;
  const char op = has_operator ? inside.front() : '\0';
  const std::string_view names = inside.substr(has_operator ? 1 : 0);
  if (names.empty() || names.find_first_of(kNotInNames) != names.npos) return false;
  const bool explodes = names.find('*') != names.npos;
  if (op == '\0') {
    part.may_be_empty = false;
  } else if (op == '+' || (op == '/' && explodes)) {
    part.crosses_segments = true;
  } else {
    part.lead = op;
    const bool several = explodes || names.find(',') != names.npos;
    part.crosses_segments = op == '#' || op == '?' || op == '&' || (op == '/' && several);
  }
  return true;
}

bool UriTemplate::Matches(std::string_view uri) const {
  if (uri.size() > kMaxLength) return false;
  Reached reached(uri.size() + 1);
  reached[0] = true;
  for (const Part& part : parts_) {
    if (!part.literal.empty()) {
      reached = AfterLiteral(reached, uri, part.literal);
    } else if (part.lead != '\0') {
      const Reached led = AfterLiteral(reached, uri, std::string_view(&part.lead, 1));
      reached = Either(std::move(reached), Either(led, AfterRun(led, uri, part.crosses_segments)));
    } else {
      Reached behind = AfterRun(reached, uri, part.crosses_segments);
      reached = part.may_be_empty ? Either(std::move(reached), behind) : std::move(behind);
    }
  }
  return reached.back();
}

}  // namespace mcpbridge

#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace mcpbridge {

// The four lists that an MCP server may have.
enum class ListKind { kTools, kResources, kTemplates, kPrompts };

inline constexpr std::array<ListKind, 4> kListKinds = {ListKind::kTools, ListKind::kResources,
                                                       ListKind::kTemplates, ListKind::kPrompts};

// A T for each of the four.
template <class T>
class PerList {
 public:
  T& operator[](ListKind kind) { return values_[static_cast<std::size_t>(kind)]; }
  const T& operator[](ListKind kind) const { return values_[static_cast<std::size_t>(kind)]; }

 private:
  std::array<T, kListKinds.size()> values_{};
};

struct ListKindInfo {
  std::string_view method;  // what lists them
  std::string_view member;  // the array in the method's result
  std::string_view key;     // the member that tells one item from another
  std::string_view item;    // what one is called in a sentence; with an s: several
  bool has_names;           // callers use a name, which the bridge makes unique among all servers
};

inline constexpr std::array<ListKindInfo, kListKinds.size()> kListKindInfos = {{
    {"tools/list", "tools", "name", "tool", true},
    {"resources/list", "resources", "uri", "resource", false},
    {"resources/templates/list", "resourceTemplates", "uriTemplate", "resource template", false},
    {"prompts/list", "prompts", "name", "prompt", true},
}};

constexpr const ListKindInfo& InfoOf(ListKind kind) {
  return kListKindInfos[static_cast<std::size_t>(kind)];
}

// The notification that says that a list has changed; that of templates is the resources'.
constexpr std::string_view ListChangedMethod(ListKind kind) {
  switch (kind) {
    case ListKind::kTools:
      return "notifications/tools/list_changed";
    case ListKind::kResources:
    case ListKind::kTemplates:
      return "notifications/resources/list_changed";
    case ListKind::kPrompts:
      return "notifications/prompts/list_changed";
  }
  return {};
}

// Whether `method` is a notification by which a server says that one of its lists has changed.
constexpr bool IsListChanged(std::string_view method) {
  return method == "notifications/tools/list_changed" ||
         method == "notifications/resources/list_changed" ||
         method == "notifications/prompts/list_changed";
}

}  // namespace mcpbridge

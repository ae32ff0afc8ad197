#pragma once

#include <algorithm>
#include <cctype>
#include <string>
#include <utility>
#include <vector>

#include "server/mcp/mirrored_headers.h"

namespace mcpbridge {

// Headers from a list.
class FakeHeaders final : public RequestHeaders {
 public:
  FakeHeaders(std::initializer_list<HeaderField> fields) : fields_(fields) {}
  explicit FakeHeaders(std::vector<HeaderField> fields) : fields_(std::move(fields)) {}

  std::optional<std::string_view> Get(std::string_view name) const override {
    for (const auto& [key, value] : fields_) {
      if (IsSame(key, name)) return value;
    }
    return std::nullopt;
  }

  std::size_t Count(std::string_view name) const override {
    return static_cast<std::size_t>(
        std::count_if(fields_.begin(), fields_.end(),
                      [&](const HeaderField& field) { return IsSame(field.first, name); }));
  }

 private:
  static bool IsSame(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
      return std::tolower(static_cast<unsigned char>(x)) ==
             std::tolower(static_cast<unsigned char>(y));
    });
  }

  std::vector<HeaderField> fields_;
};

}  // namespace mcpbridge

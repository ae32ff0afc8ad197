#pragma once

#include <string_view>
#include <vector>

namespace mcpbridge {

// The candidate that `text` is most likely a misspelling of: at most a third of its characters
// inserted, dropped, changed or swapped with a neighbour, and two at the most. Empty: none.
std::string_view Nearest(std::string_view text, const std::vector<std::string_view>& candidates);

}  // namespace mcpbridge

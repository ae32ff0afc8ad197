#pragma once

#include <string_view>

namespace mcpbridge {

// The files of page/, built into the program.
std::string_view PageHtml();
std::string_view PageCss();
std::string_view PageScript();
std::string_view PageIcon();

}  // namespace mcpbridge

#pragma once

#include <string>
#include <string_view>

namespace mcpbridge {

// Bytes of `text` in standard base64 (RFC 4648, section 4), padded, with nothing else in it. False:
// it isn't; `out` is then unspecified.
bool DecodeBase64(std::string_view text, std::string& out);

// Appends `bytes` in that form.
void AppendBase64(std::string& out, std::string_view bytes);

}  // namespace mcpbridge

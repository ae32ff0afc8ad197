#pragma once

#include <cstddef>
#include <string_view>

namespace mcpbridge {

// Writes to a descriptor what it takes of `text` at once, at most PIPE_BUF: so much a pipe that
// has room for anything has room for (POSIX), so this never waits for its reader, although the
// descriptor may be in blocking mode. How much was written; 0: there is no room, or nobody reads.
std::size_t WriteIfRoom(int fd, std::string_view text);

}  // namespace mcpbridge

#include "server/base/write_if_room.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

namespace mcpbridge {

std::size_t WriteIfRoom(int fd, std::string_view text) {
  for (;;) {
    pollfd ready{.fd = fd, .events = POLLOUT, .revents = 0};
    if (::poll(&ready, 1, 0) != 1 || (ready.revents & POLLOUT) == 0) return 0;
    const ssize_t size = ::write(fd, text.data(), std::min<std::size_t>(text.size(), PIPE_BUF));
    if (size >= 0) return static_cast<std::size_t>(size);
    if (errno != EINTR) return 0;
  }
}

}  // namespace mcpbridge

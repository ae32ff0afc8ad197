#pragma once

#include <optional>
#include <string>

#include "server/config/config.h"

namespace mcpbridge {

// What stands in the way of listening on the unix socket `path`, in a sentence: somebody listens
// there, or the file is no socket. nullopt: nothing, or a socket left over that nobody listens on.
std::optional<std::string> UnixSocketInUse(const std::string& path);

// Why `address`, which has just been refused, can't be listened on: the operating system's own
// words, had by trying once more.
std::string WhyNotListening(const ListenAddress& address);

// While it lives, files that this process makes are for its user only.
class PrivateFiles {
 public:
  PrivateFiles();
  PrivateFiles(const PrivateFiles&) = delete;
  PrivateFiles& operator=(const PrivateFiles&) = delete;
  ~PrivateFiles();

 private:
  const unsigned before_;
};

}  // namespace mcpbridge

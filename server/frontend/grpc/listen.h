#pragma once

#include <optional>
#include <string>

#include "server/config/config.h"

namespace mcpbridge {

// What stands in the way of listening on `address`, in a sentence, found out by trying; nullopt:
// nothing. A unix socket that nobody listens on is no obstacle: it is left over.
std::optional<std::string> ObstacleTo(const ListenAddress& address);

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

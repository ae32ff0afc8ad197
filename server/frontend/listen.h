#pragma once

#include <optional>
#include <string>

#include "server/base/error.h"
#include "server/config/config.h"

namespace mcpbridge {

// What both fronts do before they listen.

// Finds out by trying whether `address` can be listened on, and removes a unix socket there that
// nobody listens on any more. nullopt: it can. Otherwise the error's message says why not.
std::optional<Error> PrepareToListen(const ListenAddress& address);

// "localhost" as 127.0.0.1, anything else unchanged.
ListenAddress Resolved(ListenAddress address);

// An error's sentence for the log: `front` is "HTTP" or "gRPC", `setting` the name under `bridge:`
// and of the flag.
Error CannotListen(const std::string& front, const std::string& setting,
                   const ListenAddress& address, const std::string& why);

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

#pragma once

#include <string>

namespace mcpbridge {

// Tells when a file may have become another: by the folder it is in and, where it is a symbolic
// link, by those that its target is reached through, so that a file that is replaced, and a
// Kubernetes volume whose link is swapped, are seen like one that is written to. Not thread-safe.
class ConfigWatch {
 public:
  explicit ConfigWatch(std::string file);
  ~ConfigWatch();
  ConfigWatch(const ConfigWatch&) = delete;
  ConfigWatch& operator=(const ConfigWatch&) = delete;

  // Readable when something has happened near the file; -1: the system has no watches left.
  int fd() const { return fd_; }

  // Forgets what has happened, and looks where the file is now. Whoever reads the file afterwards
  // misses nothing.
  void Renew();

 private:
  void Add(const std::string& path);

  const std::string file_;
  const int fd_;
};

}  // namespace mcpbridge

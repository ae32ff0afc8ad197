#pragma once

#include <cstddef>

namespace mcpbridge {

// What this process uses of the machine, as Linux tells. 0 where it doesn't.
struct ProcessUsage {
  double cpu_seconds = 0;
  double resident_bytes = 0;
  std::size_t open_fds = 0;
  std::size_t max_fds = 0;
  double start_seconds = 0;  // since 1970

  static ProcessUsage Now();
};

}  // namespace mcpbridge

#pragma once

#include <sys/types.h>

#include <chrono>
#include <vector>

namespace mcpbridge::bench {

// CPU time used up to now, from /proc, which counts in hundredths of a second.
struct CpuSample {
  std::chrono::duration<double> gateway{0};  // by the gateway's processes
  std::chrono::duration<double> foreign{0};  // on the machine, but not by the measurement

  friend CpuSample operator-(CpuSample a, CpuSample b) {
    return {a.gateway - b.gateway, a.foreign - b.foreign};
  }
};

// The measurement is `gateway`, `others` and this process.
CpuSample SampleCpu(const std::vector<pid_t>& gateway, const std::vector<pid_t>& others);

}  // namespace mcpbridge::bench

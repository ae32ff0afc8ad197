#pragma once

#include <sys/types.h>

#include <chrono>
#include <vector>

namespace mcpbridge::bench {

// CPU time used up to now, from /proc, which counts in hundredths of a second.
struct CpuSample {
  std::chrono::duration<double> gateway{0};  // by the gateway's processes
  std::chrono::duration<double> others{0};   // by what else belongs to the measurement
  std::chrono::duration<double> own{0};      // by this process
  std::chrono::duration<double> foreign{0};  // on the machine, but by none of these

  friend CpuSample operator-(CpuSample a, CpuSample b) {
    return {a.gateway - b.gateway, a.others - b.others, a.own - b.own, a.foreign - b.foreign};
  }
};

CpuSample SampleCpu(const std::vector<pid_t>& gateway, const std::vector<pid_t>& others);

}  // namespace mcpbridge::bench

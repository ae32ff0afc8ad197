#include "tests/bench/cpu_time.h"

#include <unistd.h>

#include <fstream>
#include <sstream>
#include <string>

namespace mcpbridge::bench {
namespace {

using Seconds = std::chrono::duration<double>;

Seconds FromTicks(double ticks) {
  return Seconds(ticks / static_cast<double>(::sysconf(_SC_CLK_TCK)));
}

// User and system time of all threads: fields 14 and 15 of /proc/PID/stat (proc(5)).
Seconds OfProcess(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  std::getline(file, line);
  const std::size_t after_name = line.rfind(')');  // the name may hold spaces
  if (after_name == std::string::npos) return Seconds(0);
  std::istringstream fields(line.substr(after_name + 2));
  std::string skipped;
  for (int field = 3; field < 14; ++field) fields >> skipped;
  double user = 0;
  double system = 0;
  fields >> user >> system;
  return FromTicks(user + system);
}

Seconds OfProcesses(const std::vector<pid_t>& pids) {
  Seconds sum(0);
  for (const pid_t pid : pids) sum += OfProcess(pid);
  return sum;
}

// What all CPUs have done: user, nice, system, irq, softirq of /proc/stat's first line.
Seconds OfMachine() {
  std::ifstream file("/proc/stat");
  std::string name;
  double user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0;
  file >> name >> user >> nice >> system >> idle >> iowait >> irq >> softirq;
  return FromTicks(user + nice + system + irq + softirq);
}

}  // namespace

CpuSample SampleCpu(const std::vector<pid_t>& gateway, const std::vector<pid_t>& others) {
  CpuSample sample;
  sample.gateway = OfProcesses(gateway);
  sample.others = OfProcesses(others);
  sample.own = OfProcess(::getpid());
  sample.foreign = OfMachine() - sample.gateway - sample.others - sample.own;
  return sample;
}

}  // namespace mcpbridge::bench

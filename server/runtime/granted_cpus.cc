#include "server/runtime/granted_cpus.h"

#include <sched.h>

#include <algorithm>
#include <fstream>
#include <limits>

namespace mcpbridge {
namespace {

constexpr int kNoQuota = std::numeric_limits<int>::max();

int CpusToRunOn() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return 1;
  return CPU_COUNT(&set);
}

// "200000 100000": microseconds in each so many. "max 100000": no quota.
int QuotaIn(const std::string& file) {
  std::ifstream in(file);
  long long quota = 0;
  long long period = 0;
  if (!(in >> quota >> period) || quota <= 0 || period <= 0) return kNoQuota;
  return static_cast<int>(std::min<long long>((quota - 1) / period + 1, kNoQuota));
}

// "/a/b" of the line "0::/a/b". Empty: the root, or no cgroup of version 2.
std::string OwnCgroup(const std::string& file) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("0::/")) return line == "0::/" ? "" : line.substr(3);
  }
  return "";
}

}  // namespace

int GrantedCpus(const std::string& root) {
  int cpus = CpusToRunOn();
  std::string group = OwnCgroup(root + "/proc/self/cgroup");
  while (true) {
    cpus = std::min(cpus, QuotaIn(root + "/sys/fs/cgroup" + group + "/cpu.max"));
    if (group.empty()) return std::max(cpus, 1);
    group.resize(group.rfind('/'));
  }
}

}  // namespace mcpbridge

#pragma once

#include <string>

namespace mcpbridge {

// How many CPUs this process is granted, at least 1: those that it may run on, or fewer if a cgroup
// has a quota (version 2, cpu.max), its own or one above it; a part of a CPU counts as one. So a
// container's limit counts, not its machine's size. `root` is the folder of /proc and /sys, for
// tests.
int GrantedCpus(const std::string& root = "");

}  // namespace mcpbridge

#include "server/frontend/admin/process_usage.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <system_error>

namespace mcpbridge {
namespace {

std::string FirstLine(const char* path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

double Since1970OfBoot() {
  std::ifstream file("/proc/stat");
  std::string word;
  double seconds = 0;
  while (file >> word) {
    if (word == "btime" && file >> seconds) break;
  }
  return seconds;
}

}  // namespace

ProcessUsage ProcessUsage::Now() {
  ProcessUsage usage;
  const std::string line = FirstLine("/proc/self/stat");
  // Fields by their numbers in man 5 proc: what is behind the name, which may hold anything.
  std::istringstream fields(line.substr(line.rfind(')') + 1));
  const double ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  std::string field;
  for (int i = 3; fields >> field; ++i) {
    if (i == 14 || i == 15) usage.cpu_seconds += std::stod(field) / ticks;
    if (i == 22) usage.start_seconds = Since1970OfBoot() + std::stod(field) / ticks;
    if (i == 24) {
      usage.resident_bytes = std::stod(field) * static_cast<double>(sysconf(_SC_PAGESIZE));
      break;
    }
  }
  std::error_code error;
  for (auto at = std::filesystem::directory_iterator("/proc/self/fd", error);
       !error && at != std::filesystem::directory_iterator(); at.increment(error)) {
    ++usage.open_fds;
  }
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) usage.max_fds = limit.rlim_cur;
  return usage;
}

}  // namespace mcpbridge

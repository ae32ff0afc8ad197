#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace mcpbridge {

// A child process with pipes to its standard input and output, for tests; standard error is ours.
// Killed by the destructor if it still runs.
class TestProcess {
 public:
  static constexpr std::chrono::seconds kPatience{10};

  // `arguments` begins with the program's path. `environment` is added to ours.
  explicit TestProcess(const std::vector<std::string>& arguments,
                       const std::vector<std::string>& environment = {});
  TestProcess(const TestProcess&) = delete;
  TestProcess& operator=(const TestProcess&) = delete;
  ~TestProcess();

  pid_t pid() const { return pid_; }

  void WriteLine(const std::string& line);
  void CloseInput();
  // nullopt: none came in time, or its output ended.
  std::optional<std::string> ReadLine(std::chrono::milliseconds patience = kPatience);
  void Signal(int signal);
  // Its exit code, or minus the signal that ended it; nullopt: it still runs when patience ends.
  std::optional<int> Wait(std::chrono::milliseconds patience = kPatience);

 private:
  pid_t pid_ = -1;
  int pid_fd_ = -1;  // becomes readable when the process has ended
  int input_ = -1;   // its standard input
  int output_ = -1;  // its standard output
  std::string read_;
  std::optional<int> status_;
};

}  // namespace mcpbridge

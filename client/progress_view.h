#pragma once

#include <cstdio>

#include "mcpbridge/client.h"

namespace mcpbridge::client {

// Shows what a server says in the course of one call: on a terminal a bar that is overwritten, and
// otherwise a line each. Must outlive the call's events.
class ProgressView {
 public:
  // `out` is somebody else's. `quiet`: nothing is shown.
  ProgressView(std::FILE* out, bool quiet);

  // For the call.
  CallEvents Events();

  // Takes the bar away. After the call's end.
  void Clear();

 private:
  void Show(const Progress& progress);
  void Show(const LogMessage& message);

  std::FILE* const out_;
  const bool quiet_;
  const bool is_terminal_;
  bool has_bar_ = false;
};

}  // namespace mcpbridge::client

#pragma once

#include <optional>

namespace mcpbridge {

// Process number 1 of a PID namespace, which a container's program is, has init's duty: orphans
// become its children, and stay as zombies until their exit status is taken. A stdio server that
// starts helpers may leave some behind each time it ends.
//
// As number 1: returns nullopt in a child, in which the program goes on. Number 1 itself takes in
// orphans and hands signals on, until that child has ended, and returns its exit code: 128 + N
// where signal N ended it. As any other process: returns nullopt at once.
//
// Before any thread is started.
std::optional<int> GoOnBelowInit();

}  // namespace mcpbridge

#pragma once

#include <pthread.h>

#include <string>

namespace mcpbridge {

// At most 15 characters, or the kernel refuses it.
inline void NameThisThread(const std::string& name) {
  pthread_setname_np(pthread_self(), name.c_str());
}

}  // namespace mcpbridge

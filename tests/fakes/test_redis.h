#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <thread>

#include "tests/fakes/temp_folder.h"
#include "tests/fakes/test_process.h"

namespace mcpbridge {

// A real Redis on a socket of its own, which writes nothing to disk. It takes no port.
class TestRedis {
 public:
  // `folder`: where its socket is to be.
  explicit TestRedis(const std::string& folder)
      : socket_(SocketIn(folder)),
        process_({"/usr/bin/redis-server", "--port", "0", "--unixsocket", socket_, "--save", "",
                  "--appendonly", "no", "--loglevel", "warning", "--dir", folder}) {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!std::filesystem::exists(socket_)) {
      if (std::chrono::steady_clock::now() > give_up) {
        ADD_FAILURE() << "redis-server doesn't start";
        return;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(2));  // polling, bounded
    }
  }

  static std::string SocketIn(const std::string& folder) { return folder + "/redis.sock"; }

 private:
  const std::string socket_;
  TestProcess process_;
};

}  // namespace mcpbridge

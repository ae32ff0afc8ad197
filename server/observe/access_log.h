#pragma once

#include <atomic>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/observe/front.h"
#include "server/runtime/executor.h"

namespace mcpbridge {

// One line for each call, when it has ended. Lines are gathered on their lane and written once for
// each of its turns; who reads them slowly, or not at all, holds no call up: what doesn't fit is
// dropped and counted. Owned by the Observer.
class AccessLog {
 public:
  enum class Format { kOff, kText, kJson };

  // "off", "text" or "json".
  static std::optional<Format> FormatOf(std::string_view name);

  // What a line says. Times in full; never arguments, results, headers or keys.
  struct Entry {
    std::string id;
    Front front;
    std::string_view peer;    // empty: not known
    std::string_view server;  // empty: it never came to one
    std::string_view method;
    std::string key;  // the tool's or prompt's name, or the URI
    std::string_view outcome;
    std::chrono::nanoseconds queue;
    std::chrono::nanoseconds upstream;
  };

  // Writes to `fd`, which it doesn't own.
  AccessLog(Executor& executor, Format format, int fd);
  AccessLog(const AccessLog&) = delete;
  AccessLog& operator=(const AccessLog&) = delete;
  // The lanes must have stopped. Writes what is left, as far as it is read.
  ~AccessLog();

  // On `lane`.
  void Write(Lane& lane, const Entry& entry);

  // How many lines were dropped. Any thread.
  std::uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

  // The line of `entry`, its end included.
  static std::string Line(Format format, const Entry& entry,
                          std::chrono::system_clock::time_point now);

 private:
  struct OfLane {
    explicit OfLane(Lane& lane) : retry(lane.io()) {}
    std::string lines;
    bool pending = false;  // Flush() is
    boost::asio::steady_timer retry;
  };

  void Flush(OfLane& of);
  bool TryWrite(std::string& lines);

  const Format format_;
  const int fd_;
  std::mutex mutex_;  // between lanes that write; nobody waits for it
  std::vector<std::unique_ptr<OfLane>> lanes_;
  std::atomic<std::uint64_t> dropped_{0};
};

}  // namespace mcpbridge

#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "server/base/error.h"
#include "server/observe/access_log.h"
#include "server/observe/front.h"
#include "server/observe/lane_calls.h"
#include "server/runtime/executor.h"

namespace mcpbridge {

// Counts what the bridge does, lane by lane, and logs each call if that is wanted. Owned by App,
// for the life of the process: counts only ever grow, whatever becomes of the servers they are
// about.
class Observer {
 public:
  // The most tools of one server that are counted apart; the rest is counted as "other". As many
  // as a person can look through, and few enough that a hundred servers stay within what a
  // Prometheus server takes in one scrape.
  static constexpr std::size_t kMostTools = 100;

  Observer(Executor& executor, AccessLog::Format format);
  Observer(const Observer&) = delete;
  Observer& operator=(const Observer&) = delete;
  // The lanes must have stopped.
  ~Observer();

  // On `lane`.
  LaneCalls& Of(const Lane& lane) { return *lanes_[static_cast<std::size_t>(lane.index())]; }

  // Where a server of this name is counted, for good. Any thread.
  std::size_t SlotOf(std::string_view server);
  // Valid for the Observer's life. Any thread.
  const std::string& NameOf(std::size_t slot) const;

  // The name under which a tool is counted, valid for the Observer's life; null: there are as many
  // as may. Any thread.
  const std::string* LabelFor(std::size_t slot, std::string_view tool);

  // A request was turned away before it became a call. Any thread.
  void Refused(Front front, Reason reason) {
    refused_[IndexOf(front)][IndexOf(reason)].fetch_add(1, std::memory_order_relaxed);
  }
  std::uint64_t refused(Front front, Reason reason) const {
    return refused_[IndexOf(front)][IndexOf(reason)].load(std::memory_order_relaxed);
  }

  // Lines of the access log that were dropped, as nobody read them. Any thread.
  std::uint64_t dropped_log_lines() const { return log_ != nullptr ? log_->dropped() : 0; }

 private:
  struct Server {
    std::string name;
    std::set<std::string, std::less<>> tools;
  };

  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<Server>> servers_;  // by slot
  std::array<std::array<std::atomic<std::uint64_t>, kReasons>, kFronts> refused_{};
  std::unique_ptr<AccessLog> log_;
  std::vector<std::unique_ptr<LaneCalls>> lanes_;
};

}  // namespace mcpbridge

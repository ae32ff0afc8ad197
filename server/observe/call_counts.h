#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/base/error.h"
#include "server/mcp/call_params.h"
#include "server/observe/front.h"
#include "server/observe/histogram.h"

namespace mcpbridge {

// Room for every Reason.
inline constexpr std::size_t kReasons = 64;

constexpr std::size_t IndexOf(Reason reason) { return static_cast<std::size_t>(reason); }

// "OK", or the reason's name.
std::string_view OutcomeName(std::optional<Reason> reason);

// The calls of one front, server, method and tool that have ended.
class CallSeries {
 public:
  // `total`: from its arrival to its end. nullopt: it ended with an answer.
  void Add(Histogram::Time total, std::optional<Reason> reason) {
    total_.Add(total);
    if (!reason) {
      ++answered_;
      return;
    }
    if (failed_.empty()) failed_.resize(kReasons);
    ++failed_[IndexOf(*reason)];
  }
  void Add(const CallSeries& other) {
    total_.Add(other.total_);
    answered_ += other.answered_;
    if (failed_.size() < other.failed_.size()) failed_.resize(other.failed_.size());
    for (std::size_t i = 0; i < other.failed_.size(); ++i) failed_[i] += other.failed_[i];
  }

  const Histogram& total() const { return total_; }
  std::uint64_t ended(std::optional<Reason> reason) const {
    if (!reason) return answered_;
    return failed_.empty() ? 0 : failed_[IndexOf(*reason)];
  }

 private:
  Histogram total_;
  std::uint64_t answered_ = 0;
  std::vector<std::uint64_t> failed_;  // by Reason; empty: none has
};

// What one lane has counted, copied. The names live as long as the Observer; empty: none.
struct CallCounts {
  struct Calls {
    Front front;
    CallMethod method;
    const std::string* server;
    const std::string* tool;
    CallSeries series;
  };
  struct Server {
    const std::string* server;
    Histogram upstream;  // from the request's having a session and a connection to the end
    std::array<std::size_t, kFronts> in_flight;
  };

  std::vector<Calls> calls;
  std::vector<Server> servers;
  std::array<Histogram, kFronts> queue{};  // from arrival to session and connection
};

// A call under way.
struct LiveCall {
  std::string id;
  Front front;
  CallMethod method;
  std::string server;  // empty: not known yet
  std::string key;     // the tool's or prompt's name, or the URI without its query
  std::chrono::nanoseconds age;
  std::optional<std::chrono::nanoseconds> left;  // until its deadline; nullopt: it has none
};

}  // namespace mcpbridge

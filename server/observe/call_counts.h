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

// Room for the ways in which a call can end: with an answer, and by each Reason.
inline constexpr std::size_t kOutcomes = 64;

// nullopt: with an answer.
constexpr std::size_t OutcomeIndex(std::optional<Reason> reason) {
  return reason ? 1 + static_cast<std::size_t>(*reason) : 0;
}

// "OK", or the reason's name.
std::string_view OutcomeName(std::optional<Reason> reason);

// The calls of one front, server, method and tool that have ended.
struct CallSeries {
  Histogram total;  // from arrival to the end
  std::array<std::uint64_t, kOutcomes> ended{};
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

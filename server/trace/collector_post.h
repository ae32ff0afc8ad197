#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "server/upstream/http_url.h"

namespace mcpbridge {

struct CollectorAnswer {
  unsigned status = 0;  // of HTTP; 0: there was none
  std::string what;     // for the log: why there was none, or the status
};

// Posts `body`, protobuf, on a connection of its own. Blocks for at most `patience`, and for as
// long as the resolver takes for a name.
CollectorAnswer PostToCollector(const HttpUrl& url,
                                const std::vector<std::pair<std::string, std::string>>& headers,
                                const std::string& body, std::chrono::milliseconds patience);

}  // namespace mcpbridge

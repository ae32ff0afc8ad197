#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/base/error.h"
#include "server/mcp/initialize.h"

namespace mcpbridge {

// How a server of MCP 2026-07-28 asks its caller: it ends the request with a result that says what
// it needs, and the caller sends the request again with the answers. Servers of the versions before
// ask by requests of their own, of the same methods and with the same params. Everything here works
// on raw JSON. Pure functions, on any thread.

// One question: elicitation/create, sampling/createMessage or roots/list.
struct InputRequest {
  std::string key;     // the server's name for it, unescaped
  std::string method;  // plain text
  std::string params;  // raw object; empty: none
};

// What a request still needs.
struct InputRequired {
  std::vector<InputRequest> requests;
  std::string state;  // raw string, to be sent back byte for byte; empty: none
};

// What `result`, raw, asks for; nullopt: it is the answer. Error: kUpstreamProtocol (no object, a
// resultType that is neither `complete` nor `input_required`, or one of the latter that asks for
// nothing).
Result<std::optional<InputRequired>> ReadInputRequired(std::string_view result);

// The result that asks for it, with the bridge as its server.
std::string InputRequiredResult(const InputRequired& required);

// What a caller answered to it: raw results by key.
struct InputResponses {
  std::vector<std::pair<std::string, std::string>> results;
  std::string state;  // unescaped; empty: none

  bool empty() const { return results.empty() && state.empty(); }
};

// Reads them out of a request's raw params. Error: kInvalidArguments.
Result<InputResponses> ReadInputResponses(std::string_view params);

// `params`, raw, of the request that goes on, with the answers in place of those it may have had.
// `state`: raw string, empty: none. Error: kInvalidArguments.
Result<std::string> WithInputResponses(
    std::string_view params, const std::vector<std::pair<std::string, std::string>>& results,
    std::string_view state);

// `result`, raw, a complete one, as a caller of the legacy era knows it: without what only the
// modern one has (resultType, ttlMs, cacheScope, who the server is). Error: kUpstreamProtocol.
Result<std::string> LegacyResult(std::string_view result);

// Those of `client_capabilities` (raw, of a request of the modern era) by which a server of the
// legacy era may ask, as one raw object to declare in `initialize`; empty: it may ask nothing. A
// caller without a session can't say that its roots have changed, so that isn't promised.
std::string AskableCapabilities(std::string_view client_capabilities);
// The same of a request's raw params, which may have none.
std::string AskableCapabilitiesOf(std::string_view params);
// The bridge as the client that declares these.
ClientProfile AskableProfile(const std::string& askable_capabilities);

}  // namespace mcpbridge

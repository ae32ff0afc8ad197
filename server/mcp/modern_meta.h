#pragma once

#include <string>
#include <string_view>

#include "server/base/error.h"
#include "server/jsonrpc/message.h"

namespace mcpbridge {

// What MCP 2026-07-28 puts into params and results beside what earlier versions have. Everything
// here works on raw JSON and leaves each byte alone that it doesn't have to change. Pure functions,
// on any thread.

// The keys of `_meta`.
inline constexpr std::string_view kMetaVersion = "io.modelcontextprotocol/protocolVersion";
inline constexpr std::string_view kMetaClientInfo = "io.modelcontextprotocol/clientInfo";
inline constexpr std::string_view kMetaCapabilities = "io.modelcontextprotocol/clientCapabilities";
inline constexpr std::string_view kMetaLogLevel = "io.modelcontextprotocol/logLevel";
inline constexpr std::string_view kMetaServerInfo = "io.modelcontextprotocol/serverInfo";
inline constexpr std::string_view kMetaSubscriptionId = "io.modelcontextprotocol/subscriptionId";

// What a request says of its sender. What is empty is not said.
struct RequestMeta {
  std::string_view protocol_version = {};     // plain text
  std::string_view client_info = {};          // raw
  std::string_view client_capabilities = {};  // raw
  std::string_view log_level = {};            // plain text
};

// `params`, raw (empty: none), with `meta` in their `_meta`, over what is there under these keys.
// Error: kInvalidArguments (params or `_meta` are no objects, or have a member twice).
Result<std::string> WithRequestMeta(std::string_view params, const RequestMeta& meta);

// `params`, raw, for a server of the legacy era: without these four keys. The progress token and
// keys that nobody here knows stay. Error: as above.
Result<std::string> WithoutRequestMeta(std::string_view params);

// What the answer of a legacy server lacks.
struct ResultDefaults {
  std::string_view server_info = {};  // raw, {"name":...,"version":...}
  long long ttl_ms = 0;               // how long the answer may be kept
  bool is_public = false;             // it may be shared between callers
};

// `result`, raw, the answer to `method`, as one of 2026-07-28: with resultType, serverInfo, and
// where `method` is one that caches may keep (IsCacheable), ttlMs and cacheScope. What is there
// stays. Error: kUpstreamProtocol (no object, or a member twice).
Result<std::string> WithResultDefaults(std::string_view method, std::string_view result,
                                       const ResultDefaults& defaults);

// What `message`, a result, says it is: "complete", "input_required", "task" or the like; empty: it
// doesn't say. Read on the message's own parse, without a copy.
std::string ResultTypeOf(jsonrpc::Message& message);

// `result`, raw, with the resultType that one has which names none. Error: as above.
Result<std::string> AsComplete(std::string_view result);

// The bridge's own answer to server/discover. `capabilities` is a raw object; `instructions` a raw
// string, empty: none.
std::string DiscoverResult(std::string_view capabilities, std::string_view instructions,
                           long long ttl_ms);

// The params of a request that the bridge sends for itself: it can be asked nothing.
std::string BridgeParams();

// `object`, raw params or a raw result, with `id` (raw) as its subscription, if it names one.
std::string WithSubscription(std::string_view object, std::string_view id);

// The id (raw) of the subscription that params (raw) name; empty: none.
std::string SubscriptionOf(std::string_view params);

// Whether a result of server/discover offers kModernVersion.
bool OffersModern(std::string_view discover_result);

}  // namespace mcpbridge

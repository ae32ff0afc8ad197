#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/base/error.h"
#include "server/jsonrpc/message.h"

namespace mcpbridge {

// The newest protocol version with sessions and `initialize`, offered upstream and, to a client
// that asks for one we don't know, downstream. Never a 2026 version: clients would switch their
// framing.
inline constexpr std::string_view kNewestLegacyVersion = "2025-11-25";

// 2024-11-05, 2025-03-26, 2025-06-18 or 2025-11-25.
bool IsLegacyVersion(std::string_view version);

// What a client said of itself in `initialize`.
struct ClientProfile {
  std::string version;       // the negotiated one, legacy
  std::string capabilities;  // raw object
  std::string client_info;   // raw object; empty: not given
  bool can_sample = false;   // it declared the capability `sampling`
  bool can_elicit = false;   // `elicitation`
  bool has_roots = false;    // `roots`
  bool has_tasks = false;    // `tasks`: it may answer a server's request with one

  // Whether it declared what it takes to answer a server's request of this method.
  bool CanAnswer(std::string_view method) const;
};

// What the bridge says of itself: {"name":"mcp-bridge",...}, raw.
std::string BridgeInfo();

// Reads the params of a client's `initialize`. Errors: kInvalidArguments.
Result<ClientProfile> ParseInitialize(jsonrpc::Message& message);

// The params of the `initialize` that the bridge sends to a server for itself, raw JSON.
std::string InitializeParams();
// The same for a client's own session: with its version, capabilities and name.
std::string InitializeParams(const ClientProfile& client);

// What a server said of itself, in either era.
struct InitializeResult {
  std::string protocol_version;
  std::string server_name;
  std::string server_version;
  std::string capabilities;  // the raw object; empty: it sent none
  std::string instructions;  // raw string; empty: it gave none
  // What it declared. A server that declares nothing at all is taken to have tools.
  bool has_tools = false;
  bool has_resources = false;
  bool has_prompts = false;
};

// Reads the raw result of `initialize`. Errors: kUpstreamProtocol (not an object, no version, or a
// version that isn't legacy).
Result<InitializeResult> ParseInitializeResult(std::string_view raw);

// Reads the raw result of `server/discover` of a server of the modern era. Errors:
// kUnsupportedProtocolVersion (it doesn't offer that version), kUpstreamProtocol.
Result<InitializeResult> ParseDiscoverResult(std::string_view raw);

// The raw result of a client's `initialize`, whose negotiated version is `version`.
// `capabilities`: raw object; `instructions`: raw string, may be empty.
std::string InitializeAnswer(std::string_view version, std::string_view capabilities,
                             std::string_view instructions);

// `capabilities`, a raw object, of a bridge that tells its clients when a list becomes another one,
// whether its servers tell it or it finds out by itself.
std::string WithListChanges(std::string_view capabilities);

// Whether `capabilities` (a raw object; empty: not known) have `feature`.
bool Declares(std::string_view capabilities, std::string_view feature);

// `capabilities`, a raw object, of a server whose resources can't be subscribed to through the
// bridge.
std::string WithoutSubscribe(std::string_view capabilities);

// What servers that declare `capabilities` (raw objects, empty: not known) can do together. One
// server: what it declares. Several: a feature that any has, with the options of the first that has
// it, and those that are true for any, but of tasks and extensions all that any has. For a legacy
// client never `extensions`, for a modern one never `tasks`, which their eras don't have.
std::string MergeCapabilities(const std::vector<std::string>& capabilities, bool modern = false);

}  // namespace mcpbridge

#pragma once

#include <string>
#include <string_view>

#include "server/base/error.h"

namespace mcpbridge {

// The newest protocol version with sessions and `initialize`, offered upstream and, to a client
// that asks for one we don't know, downstream. Never a 2026 version: clients would switch their
// framing.
inline constexpr std::string_view kNewestLegacyVersion = "2025-11-25";

// 2024-11-05, 2025-03-26, 2025-06-18 or 2025-11-25.
bool IsLegacyVersion(std::string_view version);

// The params of the `initialize` that the bridge sends to a server, raw JSON.
std::string InitializeParams();

// What a server said of itself.
struct InitializeResult {
  std::string protocol_version;
  std::string server_name;
  std::string server_version;
  std::string capabilities;  // the raw object; empty: it sent none
  // What it declared. A server that declares nothing at all is taken to have tools.
  bool has_tools = false;
  bool has_resources = false;
  bool has_prompts = false;
};

// Reads the raw result of `initialize`. Errors: kUpstreamProtocol (not an object, no version, or a
// version that isn't legacy).
Result<InitializeResult> ParseInitializeResult(std::string_view raw);

// The raw result of an `initialize` that a client sent with `requested` as its protocolVersion.
std::string InitializeAnswer(std::string_view requested);

}  // namespace mcpbridge

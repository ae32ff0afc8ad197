#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/base/error.h"
#include "server/jsonrpc/message.h"
#include "server/mcp/mirrored_headers.h"

namespace mcpbridge {

// MCP comes in two eras. Legacy, 2024-11-05 to 2025-11-25: `initialize`, sessions, requests in both
// directions. Modern, 2026-07-28: every request stands for itself and says in `_meta` who sends it.
// One endpoint serves both; the era is told request by request. Pure functions, on any thread.

inline constexpr std::string_view kModernVersion = "2026-07-28";

// All that the bridge speaks, newest first.
inline constexpr std::array<std::string_view, 5> kSupportedVersions = {
    kModernVersion, "2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"};

bool IsModernVersion(std::string_view version);

// Whether `level` is one of RFC 5424's, as MCP names them in both eras.
bool IsLogLevel(std::string_view level);

// What the modern era says of a method.
enum class ModernMethod {
  kKnown,    // one of its own; whether the bridge serves it is for the caller to know
  kRemoved,  // of the legacy era only: 404
  kUnknown,  // of neither: 404
};

ModernMethod ModernMethodOf(std::string_view method);

// The member of params that Mcp-Name repeats: "name", "uri" or "taskId"; empty: none.
std::string_view NameMember(std::string_view method);

// Whether a result of `method` says how long it may be kept (ttlMs, cacheScope).
bool IsCacheable(std::string_view method);

// A request of the modern era, as far as it concerns all methods. The views are raw JSON inside the
// message's text and valid while that lives; empty: absent.
struct ModernRequest {
  std::string name = {};  // what NameMember() names, unescaped
  std::string protocol_version = {};
  std::string log_level = {};  // empty: the caller wants no log messages
  std::string_view client_info = {};
  std::string_view client_capabilities = {};
  std::string_view progress_token = {};
};

// Tells the era of `message` and, in the modern one, checks `_meta` and the headers that all
// methods have, in the order of the specification. nullopt: legacy. `message.method` is valid
// afterwards; on an error it may be empty, and the message must not be read on.
//
// A message is modern that has a protocolVersion in `_meta`; where the header MCP-Protocol-Version
// names a modern version it must have one, but for `initialize`, which is legacy without it. A
// notification is modern by either, and nothing is asked of it.
//
// Errors, all to be answered with ModernHttpStatus(): kHeaderMismatch (Mcp-Method, Mcp-Name or
// MCP-Protocol-Version missing, doubled or different from the body; in the legacy era only a
// doubled version), kInvalidArguments (a key of `_meta` that is missing, doubled or wrong; in both
// eras, params that are no JSON), kInvalidRequest (a response), kUnsupportedProtocolVersion,
// kMethodNotFound (not kKnown).
Result<std::optional<ModernRequest>> ReadEra(jsonrpc::Message& message,
                                             const RequestHeaders& headers);

// The same where a transport has no headers: the message alone says it.
Result<std::optional<ModernRequest>> ReadEra(jsonrpc::Message& message);

// What Mcp-Name has to say of a request for `method` with these raw params, unescaped; empty where
// the method has no such member. Error: kInvalidArguments (it isn't there once, a string).
Result<std::string> MirroredName(std::string_view method, std::string_view params);

// The headers of a request to a modern server that all methods have, `name` as MirroredName() says
// it. A call's arguments may need more: ParamHeaders.
std::vector<HeaderField> ModernHeaders(std::string_view method, std::string_view name);

// The error for a version that isn't among `supported`.
Error UnsupportedVersion(std::string_view requested, std::span<const std::string_view> supported);

// The error for a caller that didn't declare `required`, raw ClientCapabilities.
Error MissingClientCapability(std::string_view required);

// The HTTP status of an answer that is `error`. A server's own errors travel on 200, but for two
// that the specification gives a status.
int ModernHttpStatus(const Error& error);

// A legacy server's error code for a modern caller: codes that the modern era doesn't allow are
// replaced, all others stay.
long long ModernErrorCode(long long legacy_code);

// `items`, plain text, as a raw JSON array of strings.
std::string JsonList(std::span<const std::string_view> items);

}  // namespace mcpbridge

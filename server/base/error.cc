#include "server/base/error.h"

#include <cstdio>
#include <cstdlib>

namespace mcpbridge {
namespace {

// gRPC status codes by number (grpc/status.h), so that base/ doesn't depend on gRPC.
constexpr int kCancelledCode = 1;
constexpr int kInvalidArgument = 3;
constexpr int kDeadlineExceededCode = 4;
constexpr int kNotFound = 5;
constexpr int kPermissionDenied = 7;
constexpr int kResourceExhausted = 8;
constexpr int kFailedPrecondition = 9;
constexpr int kUnknown = 2;
constexpr int kUnimplemented = 12;
constexpr int kInternalCode = 13;
constexpr int kUnavailable = 14;
constexpr int kUnauthenticatedCode = 16;

// JSON-RPC 2.0's own codes; -32001, which the MCP SDKs use for a request that timed out; -32002,
// which MCP up to 2025-11-25 has for a resource that isn't there. -32020..-32099 are MCP's: of
// these, only what it defines.
constexpr int kParse = -32700;
constexpr int kRequest = -32600;
constexpr int kMethod = -32601;
constexpr int kParams = -32602;
constexpr int kServer = -32603;
constexpr int kTimeout = -32001;
constexpr int kMismatch = -32020;
constexpr int kCapability = -32021;
constexpr int kVersion = -32022;
constexpr int kResource = -32002;

}  // namespace

const ReasonInfo& InfoOf(Reason reason) {
#define ROW(...)                                   \
  {                                                \
    static constexpr ReasonInfo kRow{__VA_ARGS__}; \
    return kRow;                                   \
  }
  // Legacy-era clients lose the code of a JSON-RPC error that travels on anything but 200, so only
  // faults of the transport itself carry another HTTP status.
  switch (reason) {
    case Reason::kInvalidJson:
      ROW("INVALID_JSON", kInvalidArgument, 400, kParse, false)
    case Reason::kInvalidRequest:
      ROW("INVALID_REQUEST", kInvalidArgument, 400, kRequest, false)
    case Reason::kMethodNotFound:
      ROW("METHOD_NOT_FOUND", kUnimplemented, 200, kMethod, false)
    case Reason::kInvalidArguments:
      ROW("INVALID_ARGUMENTS", kInvalidArgument, 200, kParams, false)
    case Reason::kServerNotFound:
      ROW("SERVER_NOT_FOUND", kNotFound, 404, kParams, false)
    case Reason::kToolNotFound:
      ROW("TOOL_NOT_FOUND", kNotFound, 200, kParams, false)
    case Reason::kToolAmbiguous:
      ROW("TOOL_AMBIGUOUS", kInvalidArgument, 200, kParams, false)
    case Reason::kToolNotAllowed:
      ROW("TOOL_NOT_ALLOWED", kPermissionDenied, 200, kParams, false)
    case Reason::kPromptNotFound:
      ROW("PROMPT_NOT_FOUND", kNotFound, 200, kParams, false)
    case Reason::kPromptAmbiguous:
      ROW("PROMPT_AMBIGUOUS", kInvalidArgument, 200, kParams, false)
    case Reason::kResourceNotFound:
      ROW("RESOURCE_NOT_FOUND", kNotFound, 200, kResource, false)
    case Reason::kUnauthenticated:
      ROW("UNAUTHENTICATED", kUnauthenticatedCode, 401, kRequest, false)
    case Reason::kRequestTooLarge:
      ROW("REQUEST_TOO_LARGE", kResourceExhausted, 413, kRequest, false)
    case Reason::kPathNotFound:
      ROW("PATH_NOT_FOUND", kNotFound, 404, kRequest, false)
    case Reason::kMethodNotAllowed:
      ROW("METHOD_NOT_ALLOWED", kUnimplemented, 405, kRequest, false)
    case Reason::kNotAcceptable:
      ROW("NOT_ACCEPTABLE", kInvalidArgument, 406, kRequest, false)
    case Reason::kUnsupportedMediaType:
      ROW("UNSUPPORTED_MEDIA_TYPE", kInvalidArgument, 415, kRequest, false)
    case Reason::kOriginNotAllowed:
      ROW("ORIGIN_NOT_ALLOWED", kPermissionDenied, 403, kRequest, false)
    case Reason::kHostNotAllowed:
      ROW("HOST_NOT_ALLOWED", kPermissionDenied, 403, kRequest, false)
    case Reason::kUnsupportedProtocolVersion:
      ROW("UNSUPPORTED_PROTOCOL_VERSION", kInvalidArgument, 400, kVersion, false)
    case Reason::kHeaderMismatch:
      ROW("HEADER_MISMATCH", kInvalidArgument, 400, kMismatch, false)
    case Reason::kMissingClientCapability:
      ROW("MISSING_CLIENT_CAPABILITY", kFailedPrecondition, 200, kCapability, false)
    case Reason::kSessionNotFound:
      ROW("SESSION_NOT_FOUND", kNotFound, 404, kTimeout, false)
    case Reason::kStreamTaken:
      ROW("STREAM_TAKEN", kFailedPrecondition, 409, kServer, false)
    case Reason::kDeadlineExceeded:
      ROW("DEADLINE_EXCEEDED", kDeadlineExceededCode, 200, kTimeout, false)
    case Reason::kCancelled:
      ROW("CANCELLED", kCancelledCode, 200, kServer, false)
    case Reason::kOverloaded:
      ROW("OVERLOADED", kResourceExhausted, 503, kServer, true)
    case Reason::kShuttingDown:
      ROW("SHUTTING_DOWN", kUnavailable, 503, kServer, true)
    case Reason::kInternal:
      ROW("INTERNAL", kInternalCode, 200, kServer, false)
    case Reason::kUpstreamUnavailable:
      ROW("UPSTREAM_UNAVAILABLE", kUnavailable, 200, kServer, true)
    case Reason::kUpstreamLost:
      ROW("UPSTREAM_LOST", kUnavailable, 200, kServer, false)
    case Reason::kUpstreamHttpStatus:
      ROW("UPSTREAM_HTTP_STATUS", kUnavailable, 200, kServer, false)
    case Reason::kUpstreamProtocol:
      ROW("UPSTREAM_PROTOCOL", kInternalCode, 200, kServer, false)
    case Reason::kUpstreamError:
      ROW("UPSTREAM_ERROR", kUnknown, 200, kServer, false)
    case Reason::kResponseTooLarge:
      ROW("RESPONSE_TOO_LARGE", kResourceExhausted, 200, kServer, false)
    case Reason::kQuestionNotKept:
      ROW("QUESTION_NOT_KEPT", kResourceExhausted, 200, kServer, false)
    case Reason::kReaderTooSlow:
      ROW("READER_TOO_SLOW", kResourceExhausted, 200, kServer, false)
  }
#undef ROW
  std::abort();
}

const std::vector<Reason>& AllReasons() {
  static const std::vector<Reason> kAll = [] {
    std::vector<Reason> all;
    for (int i = 0; i <= static_cast<int>(Reason::kReaderTooSlow); ++i) {
      all.push_back(static_cast<Reason>(i));
    }
    return all;
  }();
  return kAll;
}

void throw_exception_from_error(const Error& error, const boost::source_location&) {
  std::fprintf(stderr, "bug: an Error was taken for a value: %s\n", error.message.c_str());
  std::abort();
}

}  // namespace mcpbridge

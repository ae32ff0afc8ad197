#pragma once

#include <boost/system/result.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mcpbridge {

// Every way a call can fail. The name on the wire is UPPER_SNAKE (InfoOf). docs/errors.md is the
// same table for people; a test holds the two together.
enum class Reason {
  // The caller's request.
  kInvalidJson,
  kInvalidRequest,
  kMethodNotFound,
  kInvalidArguments,
  kServerNotFound,
  kToolNotFound,
  kToolAmbiguous,
  kToolNotAllowed,
  kPromptNotFound,
  kPromptAmbiguous,
  kResourceNotFound,
  kUnauthenticated,
  kRequestTooLarge,
  // HTTP only.
  kPathNotFound,
  kMethodNotAllowed,
  kNotAcceptable,
  kUnsupportedMediaType,
  kOriginNotAllowed,
  kHostNotAllowed,
  kUnsupportedProtocolVersion,
  kHeaderMismatch,
  kMissingClientCapability,
  kSessionNotFound,
  kStreamTaken,
  // The call's own end.
  kDeadlineExceeded,
  kCancelled,
  // The bridge.
  kOverloaded,
  kShuttingDown,
  kInternal,
  // The upstream.
  kUpstreamUnavailable,  // the request never reached it
  kUpstreamLost,         // it was lost with the request: whether the tool ran is unknown
  kUpstreamHttpStatus,
  kUpstreamProtocol,
  kUpstreamError,
  kResponseTooLarge,
  kQuestionNotKept,  // it has asked the caller something, and the call can't wait for the answer
  // gRPC only: a client's own stream.
  kReaderTooSlow,
};

// One row of the error table.
struct ReasonInfo {
  std::string_view name;  // google.rpc.ErrorInfo.reason
  int grpc_code;          // grpc::StatusCode
  int http_status;        // of the HTTP front, legacy era: 200 where the answer is a JSON-RPC error
  int jsonrpc_code;       // error.code of the HTTP front
  bool retryable;         // the tool provably did not run, and a later try may succeed
};

// The row of `reason`. Total: the switch behind it has no default.
const ReasonInfo& InfoOf(Reason reason);

// All reasons, in the order of the enum.
const std::vector<Reason>& AllReasons();

// Why a call failed: a reason for programs, a sentence for people, facts for both. Never carries a
// secret: header values and environment do not belong in it.
struct Error {
  Reason reason = Reason::kInternal;
  std::string message = {};
  std::vector<std::pair<std::string, std::string>> metadata = {};
  // The same, with values that are raw JSON: members of error.data that MCP prescribes.
  std::vector<std::pair<std::string, std::string>> raw_data = {};

  // With kUpstreamError: the JSON-RPC error as the upstream gave it. `data` is raw JSON, empty:
  // none.
  struct UpstreamRpcError {
    long long code = 0;
    std::string data;
  };
  std::optional<UpstreamRpcError> upstream = {};

  // With a retryable reason: how long to wait before a retry makes sense.
  std::optional<std::chrono::milliseconds> retry_after = {};
};

// Either a T or the Error that took its place.
template <class T>
using Result = boost::system::result<T, Error>;

// Called by Result::value() on an error: a bug in the caller, so it terminates.
[[noreturn]] void throw_exception_from_error(const Error& error, const boost::source_location&);

}  // namespace mcpbridge

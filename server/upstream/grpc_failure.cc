#include "server/upstream/grpc_failure.h"

#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>

#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

namespace mcpbridge {
namespace {

constexpr long long kInvalidParams = -32602;
constexpr long long kUnknownMethod = -32601;
constexpr long long kInternalError = -32603;

std::optional<long long> ParseCode(std::string_view text) {
  long long code = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), code);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return code;
}

std::optional<Reason> ReasonNamed(std::string_view name) {
  for (const Reason reason : AllReasons()) {
    if (InfoOf(reason).name == name) return reason;
  }
  return std::nullopt;
}

// What a reason of the bridge behind is to callers of this one; nullopt: it is about the two
// bridges, and not for them.
std::optional<Reason> Inherited(Reason reason) {
  switch (reason) {
    case Reason::kMethodNotFound:
    case Reason::kInvalidArguments:
    case Reason::kToolNotFound:
    case Reason::kToolAmbiguous:
    case Reason::kToolNotAllowed:
    case Reason::kPromptNotFound:
    case Reason::kPromptAmbiguous:
    case Reason::kResourceNotFound:
    case Reason::kRequestTooLarge:
    case Reason::kMissingClientCapability:
    case Reason::kDeadlineExceeded:
    case Reason::kOverloaded:
    case Reason::kUpstreamUnavailable:
    case Reason::kUpstreamLost:
    case Reason::kUpstreamHttpStatus:
    case Reason::kUpstreamProtocol:
    case Reason::kUpstreamError:
    case Reason::kResponseTooLarge:
      return reason;
    case Reason::kShuttingDown:
      return Reason::kUpstreamUnavailable;
    case Reason::kCancelled:
      return Reason::kUpstreamLost;
    default:
      return std::nullopt;
  }
}

// Facts of the bridge behind, but for those that have a place of their own.
void TakeMetadata(const google::rpc::ErrorInfo& info, Error& error) {
  for (const auto& [name, value] : info.metadata()) {
    if (name == "jsonrpc_code" || name == "jsonrpc_data" || name == "truncated") continue;
    auto& facts = name == "requiredCapabilities" ? error.raw_data : error.metadata;
    facts.emplace_back(name, value);
  }
  if (error.reason != Reason::kUpstreamError) return;
  const auto& metadata = info.metadata();
  const auto code = metadata.find("jsonrpc_code");
  const auto data = metadata.find("jsonrpc_data");
  const auto cut = metadata.find("truncated");
  const bool whole = cut == metadata.end() || cut->second.find("jsonrpc_data") == std::string::npos;
  error.upstream = Error::UpstreamRpcError{
      .code = code == metadata.end() ? kInternalError
                                     : ParseCode(code->second).value_or(kInternalError),
      .data = data == metadata.end() || !whole ? std::string() : data->second};
}

// What an mcp-bridge says of its failure; nullopt: the server is none, or it is not for callers.
std::optional<Error> OfABridge(const grpc::Status& status) {
  google::rpc::Status details;
  if (status.error_details().empty() || !details.ParseFromString(status.error_details())) {
    return std::nullopt;
  }
  std::optional<Error> error;
  for (const auto& any : details.details()) {
    google::rpc::ErrorInfo info;
    google::rpc::RetryInfo retry;
    if (any.UnpackTo(&info) && info.domain() == "mcpbridge") {
      const std::optional<Reason> named = ReasonNamed(info.reason());
      const std::optional<Reason> reason = named ? Inherited(*named) : std::nullopt;
      if (!reason) return std::nullopt;
      error = Error{.reason = *reason, .message = status.error_message()};
      TakeMetadata(info, *error);
    } else if (error && any.UnpackTo(&retry)) {
      error->retry_after = std::chrono::seconds(retry.retry_delay().seconds()) +
                           std::chrono::milliseconds(retry.retry_delay().nanos() / 1'000'000);
    }
  }
  return error;
}

Error OfTheServer(const grpc::Status& status, long long code) {
  return Error{.reason = Reason::kUpstreamError,
               .message = status.error_message().empty() ? "the server gave no reason"
                                                         : status.error_message(),
               .upstream = Error::UpstreamRpcError{.code = code, .data = {}}};
}

// gRPC says so in these words only, on either side: the limit tells whose it was.
bool IsTooLarge(const GrpcFailure& failure) {
  const std::string end = " vs. " + std::to_string(failure.response_bytes) + ")";
  const std::string message = failure.status.error_message();
  return failure.sent && message.find("larger than max") != std::string::npos &&
         message.find(end) != std::string::npos;
}

}  // namespace

Error ErrorOf(const GrpcFailure& failure) {
  const grpc::Status& status = failure.status;
  if (auto error = OfABridge(status)) return *std::move(error);
  if (const auto code = ParseCode(failure.mcp_error_code)) return OfTheServer(status, *code);
  if (status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) {
    return Error{.reason = Reason::kDeadlineExceeded,
                 .message = "the deadline passed before the server answered"};
  }
  if (!failure.sent) {
    return Error{.reason = Reason::kUpstreamUnavailable,
                 .message = "the server can't be reached: " + status.error_message()};
  }
  switch (status.error_code()) {
    case grpc::StatusCode::UNAVAILABLE:
      return Error{.reason = Reason::kUpstreamLost,
                   .message = "the connection broke in mid-call: " + status.error_message()};
    case grpc::StatusCode::CANCELLED:
      return Error{.reason = Reason::kUpstreamLost,
                   .message = "the server cancelled the call: " + status.error_message()};
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
      if (!IsTooLarge(failure)) return OfTheServer(status, kInternalError);
      return Error{.reason = Reason::kResponseTooLarge,
                   .message = "the server's answer is larger than " +
                              std::to_string(failure.response_bytes) + " bytes",
                   .metadata = {{"limit", "bridge.limits.response_bytes"}}};
    case grpc::StatusCode::UNIMPLEMENTED:
      return OfTheServer(status, kUnknownMethod);
    case grpc::StatusCode::INVALID_ARGUMENT:
    case grpc::StatusCode::NOT_FOUND:
      return OfTheServer(status, kInvalidParams);
    default:
      return OfTheServer(status, kInternalError);
  }
}

}  // namespace mcpbridge

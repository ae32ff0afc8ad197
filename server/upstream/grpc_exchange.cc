#include "server/upstream/grpc_exchange.h"

#include <grpcpp/support/proto_buffer_reader.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "server/config/http_fields.h"
#include "server/upstream/google_request.h"
#include "server/upstream/google_result.h"
#include "server/upstream/grpc_failure.h"

namespace mcpbridge {
namespace {

// Messages of one lane never nest: each is done with when the next is parsed.
jsonrpc::Parser& LaneParser() {
  static thread_local jsonrpc::Parser parser;
  return parser;
}

// The configured headers, and the caller's where those don't say the same.
std::optional<Error> AddHeaders(const ServerConfig& config, const Headers& callers,
                                grpc::ClientContext& context) {
  Headers own;
  for (const auto& [name, value] : config.headers) own.emplace_back(AsciiLower(name), value);
  const auto is_own = [&own](const std::string& name) {
    return std::ranges::any_of(own, [&name](const auto& header) { return header.first == name; });
  };
  for (const auto& [name, value] : own) context.AddMetadata(name, value);
  for (const auto& [name, value] : callers) {
    if (is_own(name)) continue;
    if (!MetadataValueFault(value).empty()) {
      return Error{.reason = Reason::kInvalidArguments,
                   .message = "the header " + name +
                              " can't be passed on over gRPC: it has other "
                              "characters than visible ASCII ones"};
    }
    context.AddMetadata(name, value);
  }
  return std::nullopt;
}

// The server's error as it would have come in JSON.
std::string RawError(const Error& error) {
  std::string raw = R"({"code":)" + std::to_string(error.upstream->code) + R"(,"message":)" +
                    jsonrpc::Quote(error.message);
  if (!error.upstream->data.empty()) raw.append(R"(,"data":)").append(error.upstream->data);
  return raw + "}";
}

// Whether gRPC has made the status up, and no server has sent it.
bool IsOfGrpc(const GrpcRpc& rpc) {
  return rpc.status().error_details().empty() && rpc.Trailer("mcp-error-code").empty();
}

}  // namespace

GrpcExchange::GrpcExchange(const GrpcSite& site, Lane& lane, ReplyHandler& handler,
                           std::shared_ptr<WhenGone> alive)
    : site_(site),
      handler_(handler),
      rpc_(std::make_shared<GrpcRpc>(lane, static_cast<GrpcRpc::Handler&>(*this),
                                     std::move(alive))) {}

std::optional<Error> GrpcExchange::Begin(const UpstreamRequest& request) {
  Result<GoogleRequest> google = ToGoogleRequest(request.method, request.params);
  if (!google) return std::move(google).error();
  method_ = request.method;
  grpc::ClientContext& context = rpc_->context();
  if (auto error = AddHeaders(site_.config, request.headers, context)) return error;
  if (!google->header.empty()) context.AddMetadata(google->header, google->header_value);
  if (!request.deadline.never()) {
    context.set_deadline(std::chrono::system_clock::now() + request.deadline.remaining());
  }
  rpc_->Start(site_.stub, *site_.pump, google->path, google->body);
  return std::nullopt;
}

void GrpcExchange::OnRpcEnd(GrpcRpc& rpc) {
  if (rpc.sent()) handler_.OnConnected(rpc.sent_at());
  if (!rpc.status().ok()) {
    return Fail(ErrorOf({.status = rpc.status(),
                         .sent = rpc.sent(),
                         .mcp_error_code = rpc.Trailer("mcp-error-code"),
                         .response_bytes = site_.response_bytes}),
                IsOfGrpc(rpc));
  }
  if (!rpc.answered()) {
    return handler_.OnReply(Error{.reason = Reason::kUpstreamProtocol,
                                  .message = "the server ended the call without an answer"});
  }
  grpc::ProtoBufferReader body(&rpc.response());
  // A bridge always sends the bytes themselves.
  const bool is_bridge = !rpc.Trailer("mcpbridge-timing").empty();
  const Result<std::string> result =
      FromGoogleResponse(method_, body, is_bridge ? BytesForm::kRaw : BytesForm::kEither);
  if (!result) return handler_.OnReply(result.error());
  Deliver(jsonrpc::ResultMessage("0", *result));
}

// `of_grpc`: the server hasn't said it itself.
void GrpcExchange::Fail(Error error, bool of_grpc) {
  if (error.reason == Reason::kUpstreamError) {
    return Deliver(jsonrpc::RawErrorMessage("0", RawError(error)));
  }
  if (of_grpc) {
    const bool is_gone =
        error.reason == Reason::kUpstreamUnavailable || error.reason == Reason::kUpstreamLost;
    if (is_gone) site_.unreachable();
    error.metadata.emplace_back("server", site_.config.name);
  }
  handler_.OnReply(std::move(error));
}

// This may be gone afterwards.
void GrpcExchange::Deliver(std::string message) {
  jsonrpc::Text text(std::move(message));
  jsonrpc::Parser& parser = LaneParser();
  handler_.OnReply(jsonrpc::Parse(parser, text));
  parser.Trim();
}

}  // namespace mcpbridge

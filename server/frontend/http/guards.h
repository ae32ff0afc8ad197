#pragma once

#include <boost/beast/http/fields.hpp>
#include <optional>
#include <string_view>

#include "server/base/deadline.h"
#include "server/base/error.h"
#include "server/config/config.h"
#include "server/frontend/http/http_call.h"
#include "server/mcp/mirrored_headers.h"
#include "server/service/tool_service.h"
#include "server/upstream/upstream.h"

namespace mcpbridge {

// A request's headers as ToolService wants them.
class HttpCallerHeaders final : public CallerHeaders {
 public:
  // `responder`: who answers them; null: who sent them isn't asked for.
  explicit HttpCallerHeaders(const boost::beast::http::fields& fields,
                             const HttpResponder* responder = nullptr)
      : fields_(fields), responder_(responder) {}
  std::optional<std::string_view> Get(std::string_view name) const override;
  std::string Peer() const override {
    return responder_ != nullptr ? responder_->Peer() : std::string();
  }

 private:
  const boost::beast::http::fields& fields_;
  const HttpResponder* const responder_;
};

// The same, for the checks of MCP 2026-07-28.
class HttpRequestHeaders final : public RequestHeaders {
 public:
  explicit HttpRequestHeaders(const boost::beast::http::fields& fields) : fields_(fields) {}
  std::optional<std::string_view> Get(std::string_view name) const override;
  std::size_t Count(std::string_view name) const override { return fields_.count(name); }

  // Those that are called Mcp-Param-..., as they are.
  Headers Params() const;

 private:
  const boost::beast::http::fields& fields_;
};

// What a request must fulfil before its body is looked at; nullopt: it does.

// The Host must name this machine where only this machine can reach us, who listen on `listen`: a
// page in a browser here that has had its own name point to us is refused (DNS rebinding). Error:
// kHostNotAllowed.
std::optional<Error> CheckHost(const boost::beast::http::fields& fields, const BridgeConfig& config,
                               const ListenAddress& listen);

// An Origin, if there is one, must be localhost's or a configured one. Error: kOriginNotAllowed.
std::optional<Error> CheckOrigin(const boost::beast::http::fields& fields,
                                 const BridgeConfig& config);

// The master key, where there is one. Error: kUnauthenticated.
std::optional<Error> CheckKey(const boost::beast::http::fields& request,
                              const ToolService& service);

// These three.
std::optional<Error> CheckCaller(const boost::beast::http::fields& request,
                                 const ToolService& service);

// The body must be JSON, and the caller must take JSON. Errors: kUnsupportedMediaType,
// kNotAcceptable.
std::optional<Error> CheckMediaTypes(const boost::beast::http::fields& fields);

// Whether the answer may be an event stream: the caller names text/event-stream in Accept, and
// speaks HTTP/1.1.
bool TakesEvents(const boost::beast::http::request_header<>& head);

// MCP-Protocol-Version, if there is one, must be one of the legacy era's.
// Error: kUnsupportedProtocolVersion.
std::optional<Error> CheckVersion(const boost::beast::http::fields& fields);

// The caller's deadline: the earlier of `grpc-timeout` (e.g. "500m", gRPC's own syntax) and
// `x-envoy-expected-rq-timeout-ms` (milliseconds), from now on. Error: kInvalidRequest.
Result<Deadline> CallerDeadline(const boost::beast::http::fields& fields);

// "100m" -> 100 ms. nullopt: not of the form of https://grpc.io/docs/guides/wire-protocol
// (Timeout).
std::optional<std::chrono::nanoseconds> ParseGrpcTimeout(std::string_view text);

}  // namespace mcpbridge

#include "server/frontend/http/guards.h"

#include <algorithm>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <charconv>
#include <span>
#include <string>

#include "server/mcp/initialize.h"
#include "server/mcp/modern.h"

namespace mcpbridge {

namespace http = boost::beast::http;
using boost::beast::iequals;

namespace {

std::string Quoted(std::string_view text) { return "\"" + std::string(text.substr(0, 100)) + "\""; }

// "localhost:4000" -> "localhost", "[::1]:4000" -> "[::1]".
std::string_view WithoutPort(std::string_view authority) {
  if (authority.starts_with('[')) return authority.substr(0, authority.find(']') + 1);
  return authority.substr(0, authority.find(':'));
}

bool IsThisMachine(std::string_view host) {
  return iequals(host, "localhost") || host == "127.0.0.1" || host == "[::1]";
}

bool Contains(const std::vector<std::string>& list, std::string_view what) {
  return std::any_of(list.begin(), list.end(),
                     [what](const std::string& item) { return iequals(item, what); });
}

std::string_view Trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// Whether one of a comma-separated list of media ranges names `wanted` (or, with `wildcards`, takes
// it), at a weight above 0.
bool Takes(std::string_view accept, std::string_view wanted, bool wildcards) {
  while (!accept.empty()) {
    const std::size_t comma = accept.find(',');
    const std::string_view range = accept.substr(0, comma);
    accept = comma == std::string_view::npos ? std::string_view() : accept.substr(comma + 1);
    const std::size_t semicolon = range.find(';');
    const std::string_view type = Trim(range.substr(0, semicolon));
    const std::string_view rest =
        semicolon == std::string_view::npos ? std::string_view() : range.substr(semicolon);
    const bool refused = rest.find("q=0") != std::string_view::npos &&
                         rest.find_first_of("123456789") == std::string_view::npos;
    const bool any = type == "*/*" ||
                     (type.ends_with("/*") && wanted.starts_with(type.substr(0, type.size() - 1)));
    if ((iequals(type, wanted) || (wildcards && any)) && !refused) return true;
  }
  return false;
}

}  // namespace

std::optional<std::string_view> HttpCallerHeaders::Get(std::string_view name) const {
  const auto at = fields_.find(name);
  if (at == fields_.end()) return std::nullopt;
  return at->value();
}

std::optional<std::string_view> HttpRequestHeaders::Get(std::string_view name) const {
  const auto at = fields_.find(name);
  if (at == fields_.end()) return std::nullopt;
  return at->value();
}

Headers HttpRequestHeaders::Params() const {
  Headers params;
  for (const auto& field : fields_) {
    const std::string_view name = field.name_string();
    if (iequals(name.substr(0, kParamHeaderPrefix.size()), kParamHeaderPrefix)) {
      params.emplace_back(name, field.value());
    }
  }
  return params;
}

std::optional<Error> CheckHost(const http::fields& fields, const BridgeConfig& config,
                               const ListenAddress& listen) {
  if (listen.is_unix() || !listen.is_loopback()) return std::nullopt;
  const std::string_view host = fields[http::field::host];
  const std::string_view name = WithoutPort(host);
  const bool once = fields.count(http::field::host) == 1;
  if (once &&
      (IsThisMachine(name) || name == listen.host || Contains(config.allowed_hosts, name))) {
    return std::nullopt;
  }
  return Error{.reason = Reason::kHostNotAllowed,
               .message = "Host " + Quoted(host) +
                          " is not this machine; bridge.allowed_hosts can allow it"};
}

std::optional<Error> CheckOrigin(const http::fields& fields, const BridgeConfig& config) {
  const auto at = fields.find(http::field::origin);
  if (at == fields.end()) return std::nullopt;
  const std::string_view origin = at->value();
  std::string_view authority = origin;
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (origin.starts_with(scheme)) authority = origin.substr(scheme.size());
  }
  const bool local = authority.size() != origin.size() && IsThisMachine(WithoutPort(authority));
  if (local || Contains(config.allowed_origins, origin)) return std::nullopt;
  return Error{.reason = Reason::kOriginNotAllowed,
               .message = "Origin " + Quoted(origin) +
                          " is not allowed; bridge.allowed_origins can allow it"};
}

std::optional<Error> CheckKey(const http::fields& request, const ToolService& service) {
  if (service.Authorized(HttpCallerHeaders(request))) return std::nullopt;
  return Error{
      .reason = Reason::kUnauthenticated,
      .message = "the bridge needs its key: Authorization: Bearer KEY, or x-litellm-api-key: KEY"};
}

// The order is that of the SDKs' servers: who may come in at all, then what they bring.
std::optional<Error> CheckCaller(const http::fields& request, const ToolService& service) {
  const BridgeConfig& config = service.config().bridge;
  if (auto error = CheckHost(request, config, config.http_listen)) return error;
  if (auto error = CheckOrigin(request, config)) return error;
  return CheckKey(request, service);
}

std::optional<Error> CheckMediaTypes(const http::fields& fields) {
  const std::string_view type = fields[http::field::content_type];
  if (!iequals(Trim(type.substr(0, type.find(';'))), "application/json")) {
    return Error{.reason = Reason::kUnsupportedMediaType,
                 .message = "Content-Type must be application/json, not " + Quoted(type)};
  }
  const auto accept = fields.find(http::field::accept);
  if (accept != fields.end() && !Takes(accept->value(), "application/json", /*wildcards=*/true)) {
    return Error{.reason = Reason::kNotAcceptable,
                 .message = "Accept must list application/json and text/event-stream, not " +
                            Quoted(accept->value())};
  }
  return std::nullopt;
}

bool TakesEvents(const http::request_header<>& head) {
  return head.version() >= 11 &&
         Takes(head[http::field::accept], "text/event-stream", /*wildcards=*/false);
}

std::optional<Error> CheckVersion(const http::fields& fields) {
  const auto at = fields.find("MCP-Protocol-Version");
  if (at == fields.end() || IsLegacyVersion(at->value())) return std::nullopt;
  Error error = UnsupportedVersion(at->value(), kSupportedVersions);
  error.message = "unsupported MCP-Protocol-Version " + Quoted(at->value()) +
                  "; supported: 2024-11-05, 2025-03-26, 2025-06-18, 2025-11-25, 2026-07-28";
  return error;
}

std::optional<std::chrono::nanoseconds> ParseGrpcTimeout(std::string_view text) {
  // At most 8 digits and a unit: nothing below can overflow.
  if (text.size() < 2 || text.size() > 9) return std::nullopt;
  long value = 0;
  const char* end = text.data() + text.size() - 1;
  const auto [at, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || at != end || value < 0) return std::nullopt;
  switch (text.back()) {
    case 'H':
      return std::chrono::hours(value);
    case 'M':
      return std::chrono::minutes(value);
    case 'S':
      return std::chrono::seconds(value);
    case 'm':
      return std::chrono::milliseconds(value);
    case 'u':
      return std::chrono::microseconds(value);
    case 'n':
      return std::chrono::nanoseconds(value);
    default:
      return std::nullopt;
  }
}

Result<Deadline> CallerDeadline(const http::fields& fields) {
  Deadline deadline;
  if (const auto at = fields.find("grpc-timeout"); at != fields.end()) {
    const auto timeout = ParseGrpcTimeout(at->value());
    if (!timeout) {
      return Error{.reason = Reason::kInvalidRequest,
                   .message = "grpc-timeout must be up to 8 digits and one of H M S m u n, not " +
                              Quoted(at->value())};
    }
    deadline = Deadline::After(std::chrono::duration_cast<Deadline::Clock::duration>(*timeout));
  }
  if (const auto at = fields.find("x-envoy-expected-rq-timeout-ms"); at != fields.end()) {
    const std::string_view text = at->value();
    unsigned ms = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), ms);
    if (error != std::errc() || end != text.data() + text.size()) {
      return Error{
          .reason = Reason::kInvalidRequest,
          .message = "x-envoy-expected-rq-timeout-ms must be a number of milliseconds, not " +
                     Quoted(text)};
    }
    if (ms != 0) deadline = Min(deadline, Deadline::After(std::chrono::milliseconds(ms)));
  }
  return deadline;
}

}  // namespace mcpbridge

#include "server/frontend/http/cors.h"

#include <absl/strings/ascii.h>

#include <algorithm>
#include <boost/beast/http/rfc7230.hpp>
#include <string_view>

#include "server/frontend/http/guards.h"
#include "server/mcp/mirrored_headers.h"

namespace mcpbridge {

namespace http = boost::beast::http;

namespace {

// Beside a server's extra_headers and Mcp-Param-...: what the bridge itself reads. Lower case.
constexpr std::string_view kRequestHeaders[] = {"accept",
                                                "authorization",
                                                "content-type",
                                                "grpc-timeout",
                                                "last-event-id",
                                                "mcp-method",
                                                "mcp-name",
                                                "mcp-protocol-version",
                                                "mcp-session-id",
                                                "traceparent",
                                                "tracestate",
                                                "x-envoy-expected-rq-timeout-ms",
                                                "x-litellm-api-key",
                                                "x-mcp-access-groups",
                                                "x-mcp-servers"};

bool MayBeSent(const std::string& name, const Config& config) {
  if (std::ranges::find(kRequestHeaders, name) != std::end(kRequestHeaders)) return true;
  if (name.starts_with(absl::AsciiStrToLower(
          absl::string_view(kParamHeaderPrefix.data(), kParamHeaderPrefix.size())))) {
    return true;
  }
  return std::ranges::any_of(config.servers, [&name](const ServerConfig& server) {
    return std::ranges::find(server.extra_headers, name) != server.extra_headers.end();
  });
}

// Those of the header names in a list by commas that may be sent, lower case. In CORS a name
// stands for itself only, so that Mcp-Param-... can't be said in general.
std::string AllowedOf(std::string_view names, const Config& config) {
  std::string allowed;
  for (const auto& item : http::token_list(boost::beast::string_view(names.data(), names.size()))) {
    const std::string name = absl::AsciiStrToLower(absl::string_view(item.data(), item.size()));
    if (!MayBeSent(name, config)) continue;
    if (!allowed.empty()) allowed += ", ";
    allowed += name;
  }
  return allowed;
}

}  // namespace

std::string CorsHeaders(const http::fields& fields, const BridgeConfig& config) {
  const auto origin = fields.find(http::field::origin);
  if (origin == fields.end()) return {};
  std::string headers = "Vary: Origin\r\n";
  if (CheckOrigin(fields, config)) return headers;  // not let in
  const std::string_view value = origin->value();
  headers.append("Access-Control-Allow-Origin: ").append(value).append("\r\n");
  headers += "Access-Control-Expose-Headers: Mcp-Session-Id, WWW-Authenticate\r\n";
  return headers;
}

std::optional<HttpResponse> AnswerPreflight(const http::request_header<>& head,
                                            const Config& config) {
  if (head.method() != http::verb::options || head.count(http::field::origin) == 0 ||
      head.count(http::field::access_control_request_method) == 0) {
    return std::nullopt;
  }
  // Two hours are the most that Chromium keeps an answer.
  HttpResponse response{.status = 204,
                        .headers =
                            "Access-Control-Allow-Methods: POST, GET, DELETE\r\n"
                            "Access-Control-Max-Age: 7200\r\n"};
  const std::string allowed = AllowedOf(head[http::field::access_control_request_headers], config);
  if (!allowed.empty()) response.headers += "Access-Control-Allow-Headers: " + allowed + "\r\n";
  return response;
}

std::optional<HttpResponse> AnswerPreflight(const http::request_header<>& head,
                                            const std::optional<Error>& refused,
                                            const Config& config) {
  const bool may_ask = !refused || refused->reason == Reason::kUnauthenticated;
  return may_ask ? AnswerPreflight(head, config) : std::nullopt;
}

}  // namespace mcpbridge

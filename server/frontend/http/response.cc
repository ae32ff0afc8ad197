#include "server/frontend/http/response.h"

#include <boost/beast/http/status.hpp>
#include <chrono>
#include <utility>

#include "server/jsonrpc/message.h"

namespace mcpbridge {

namespace http = boost::beast::http;

HttpResponse HttpResponse::FromError(std::string_view id, const Error& error) {
  HttpResponse response = OfError(jsonrpc::ErrorMessage(id, error), error);
  response.refusal = error.reason;
  return response;
}

HttpResponse HttpResponse::OfError(std::string body, const Error& error) {
  HttpResponse response{.status = static_cast<unsigned>(InfoOf(error.reason).http_status),
                        .body = std::move(body)};
  if (error.retry_after && response.status != 200) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(*error.retry_after).count();
    response.headers += "Retry-After: " + std::to_string(seconds) + "\r\n";
  }
  if (error.reason == Reason::kUnauthenticated) response.headers += "WWW-Authenticate: Bearer\r\n";
  if (error.reason == Reason::kMethodNotAllowed) response.headers += "Allow: POST, DELETE\r\n";
  return response;
}

std::string HttpResponse::EventStreamHead(std::string_view headers, bool close) {
  std::string out =
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache, "
      "no-transform\r\n"
      "X-Accel-Buffering: no\r\nTransfer-Encoding: chunked\r\n";
  if (close) out.append("Connection: close\r\n");
  return out.append(headers).append("\r\n");
}

std::string HttpResponse::Head(bool close) const {
  static constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\n";
  const std::string length = std::to_string(body.size());
  std::string out;
  out.reserve(160 + headers.size() + (body.size() < kSmallBody ? body.size() : 0));
  if (status == 200) {
    out.append(kOk);
  } else {
    out.append("HTTP/1.1 ").append(std::to_string(status)).append(" ");
    out.append(http::obsolete_reason(http::int_to_status(status))).append("\r\n");
  }
  if (!body.empty()) out.append("Content-Type: ").append(content_type).append("\r\n");
  // A 204 has no body, and must not say so (RFC 9110, section 8.6).
  if (status != 204) out.append("Content-Length: ").append(length).append("\r\n");
  if (close) out.append("Connection: close\r\n");
  return out.append(headers).append("\r\n");
}

}  // namespace mcpbridge

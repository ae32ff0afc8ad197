#include "examples/demo_server/http_response.h"

#include <charconv>

namespace mcpbridge::demo {
namespace {

std::string_view StatusLine(int status) {
  switch (status) {
    case 200:
      return "HTTP/1.1 200 OK\r\n";
    case 202:
      return "HTTP/1.1 202 Accepted\r\n";
    case 400:
      return "HTTP/1.1 400 Bad Request\r\n";
    case 403:
      return "HTTP/1.1 403 Forbidden\r\n";
    case 404:
      return "HTTP/1.1 404 Not Found\r\n";
    case 405:
      return "HTTP/1.1 405 Method Not Allowed\r\nAllow: POST, DELETE\r\n";
    case 406:
      return "HTTP/1.1 406 Not Acceptable\r\n";
    case 413:
      return "HTTP/1.1 413 Content Too Large\r\n";
    case 415:
      return "HTTP/1.1 415 Unsupported Media Type\r\n";
    case 431:
      return "HTTP/1.1 431 Request Header Fields Too Large\r\n";
    default:
      return "HTTP/1.1 500 Internal Server Error\r\n";
  }
}

void AppendNumber(std::string& out, std::size_t number, int base) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, number, base).ptr;
  out.append(digits, static_cast<std::size_t>(end - digits));
}

void AppendHead(std::string& out, const ResponseHead& head) {
  out.append(StatusLine(head.status));
  if (!head.session_id.empty()) {
    out.append("Mcp-Session-Id: ").append(head.session_id).append("\r\n");
  }
  if (head.close) out.append("Connection: close\r\n");
}

}  // namespace

void AppendResponse(std::string& out, const ResponseHead& head, std::string_view body) {
  AppendHead(out, head);
  if (!body.empty()) out.append("Content-Type: application/json\r\n");
  out.append("Content-Length: ");
  AppendNumber(out, body.size(), 10);
  out.append("\r\n\r\n").append(body);
}

void AppendStreamHead(std::string& out, const ResponseHead& head) {
  AppendHead(out, head);
  out.append(
      "Content-Type: text/event-stream\r\nCache-Control: no-cache, no-transform\r\n"
      "X-Accel-Buffering: no\r\nTransfer-Encoding: chunked\r\n\r\n");
}

void AppendStreamEvent(std::string& out, std::string_view json) {
  constexpr std::string_view kBefore = "event: message\ndata: ";
  constexpr std::string_view kAfter = "\n\n";
  AppendNumber(out, kBefore.size() + json.size() + kAfter.size(), 16);
  out.append("\r\n").append(kBefore).append(json).append(kAfter).append("\r\n");
}

void AppendStreamEnd(std::string& out) { out.append("0\r\n\r\n"); }

}  // namespace mcpbridge::demo

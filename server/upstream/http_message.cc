#include "server/upstream/http_message.h"

#include <charconv>

#include "server/base/version.h"

namespace mcpbridge {

std::string HttpHead(std::string_view verb, const HttpUrl& url, std::string_view target,
                     std::string_view accept, const Headers& headers) {
  std::string head(verb);
  head.append(" ").append(target).append(" HTTP/1.1\r\nHost: ").append(url.Authority());
  head.append("\r\nUser-Agent: mcp-bridge/").append(kVersion);
  head.append("\r\nAccept: ").append(accept).append("\r\n");
  for (const auto& [name, value] : headers) {
    head.append(name).append(": ").append(value).append("\r\n");
  }
  return head;
}

std::string HttpMessage(std::string_view head, const Headers& headers, std::string_view body) {
  const std::string length = std::to_string(body.size());
  std::size_t size = head.size() + length.size() + body.size() + 32;
  for (const auto& [name, value] : headers) size += name.size() + value.size() + 4;
  std::string out;
  out.reserve(size);
  out.append(head);
  for (const auto& [name, value] : headers)
    out.append(name).append(": ").append(value).append("\r\n");
  return out.append("Content-Length: ").append(length).append("\r\n\r\n").append(body);
}

std::optional<std::chrono::milliseconds> ParseRetryAfter(std::string_view text) {
  int seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size() || seconds < 0) return std::nullopt;
  return std::chrono::seconds(seconds);
}

Error StatusError(const std::string& name, unsigned status,
                  std::optional<std::chrono::milliseconds> retry_after) {
  const std::string code = std::to_string(status);
  std::string message = "the server answered HTTP " + code;
  if (status == 401 || status == 403) {
    message = "the server refused the bridge's credentials (HTTP " + code +
              "): check auth_type, auth_value and static_headers";
  } else if (status / 100 == 3) {
    message = "the server redirects (HTTP " + code +
              "), which is not followed: set `url` to where it points";
  }
  return Error{.reason = Reason::kUpstreamHttpStatus,
               .message = std::move(message),
               .metadata = {{"server", name}, {"http_status", code}},
               .retry_after = retry_after};
}

}  // namespace mcpbridge

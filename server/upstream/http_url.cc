#include "server/upstream/http_url.h"

namespace mcpbridge {

std::string HttpUrl::Authority() const {
  std::string authority = host.find(':') == std::string::npos ? host : "[" + host + "]";
  if (port != (tls ? "443" : "80")) authority += ":" + port;
  return authority;
}

std::optional<HttpUrl> ParseHttpUrl(std::string_view url) {
  HttpUrl parts;
  const auto strip = [&url](std::string_view scheme) {
    if (!url.starts_with(scheme)) return false;
    url.remove_prefix(scheme.size());
    return true;
  };
  if (strip("https://")) {
    parts.tls = true;
  } else if (!strip("http://")) {
    return std::nullopt;
  }
  if (url.find_first_of("#@ \t\r\n") != std::string_view::npos) return std::nullopt;
  const std::size_t path = url.find_first_of("/?");
  std::string_view authority = url.substr(0, path);
  parts.target = path == std::string_view::npos ? "" : url.substr(path);
  if (!parts.target.starts_with('/')) parts.target.insert(0, "/");
  parts.port = parts.tls ? "443" : "80";
  std::string_view port;
  if (authority.starts_with('[')) {
    const std::size_t end = authority.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    parts.host = authority.substr(1, end - 1);
    authority.remove_prefix(end + 1);
    if (!authority.empty() && authority.front() != ':') return std::nullopt;
    port = authority.empty() ? authority : authority.substr(1);
  } else {
    const std::size_t colon = authority.find(':');
    parts.host = authority.substr(0, colon);
    port = colon == std::string_view::npos ? std::string_view() : authority.substr(colon + 1);
  }
  if (parts.host.empty()) return std::nullopt;
  if (port.find_first_not_of("0123456789") != std::string_view::npos || port.size() > 5) {
    return std::nullopt;
  }
  if (!port.empty()) parts.port = port;
  return parts;
}

}  // namespace mcpbridge

#include "server/upstream/http_url.h"

#include <algorithm>
#include <boost/beast/core/string.hpp>

namespace mcpbridge {
namespace {

// Undoes "." and ".." (RFC 3986 5.2.4); `path` begins with '/'.
std::string WithoutDots(std::string_view path) {
  std::string out;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/', 1), path.size());
    const std::string_view segment = path.substr(1, end - 1);
    const bool is_last = end == path.size();
    path.remove_prefix(end);
    if (segment == "..") out.erase(std::min(out.rfind('/'), out.size()));
    if (segment != "." && segment != "..") {
      out.append("/").append(segment);
    } else if (is_last) {
      out.append("/");
    }
  }
  return out;
}

bool HasScheme(std::string_view uri) {
  const std::size_t colon = uri.find(':');
  return colon != std::string_view::npos && colon < uri.find_first_of("/?#");
}

bool IsSameOrigin(const HttpUrl& a, const HttpUrl& b) {
  return a.tls == b.tls && boost::beast::iequals(a.host, b.host) && a.port == b.port;
}

}  // namespace

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

Result<std::string> ResolveOnSameOrigin(const HttpUrl& base, std::string_view uri) {
  uri = uri.substr(0, uri.find('#'));
  const auto is_text = [](char c) { return c > ' ' && c < '\x7f'; };
  if (uri.empty() || !std::all_of(uri.begin(), uri.end(), is_text)) {
    return Error{.reason = Reason::kUpstreamProtocol, .message = "it is not a valid URI"};
  }
  std::string target(uri);
  if (HasScheme(uri) || uri.starts_with("//")) {
    const std::string scheme = HasScheme(uri) ? "" : base.tls ? "https:" : "http:";
    const std::optional<HttpUrl> absolute = ParseHttpUrl(scheme + target);
    if (!absolute || !IsSameOrigin(*absolute, base)) {
      return Error{.reason = Reason::kUpstreamProtocol,
                   .message =
                       "it is of another origin (scheme, host, port) than `url`, and would"
                       " get what is meant for that server"};
    }
    target = absolute->target;
  } else if (uri.front() == '?') {
    target.insert(0, base.target.substr(0, base.target.find('?')));
  } else if (uri.front() != '/') {
    const std::string path = base.target.substr(0, base.target.find('?'));
    target.insert(0, path.substr(0, path.rfind('/') + 1));
  }
  const std::size_t query = std::min(target.find('?'), target.size());
  return WithoutDots(target.substr(0, query)) + target.substr(query);
}

}  // namespace mcpbridge

#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "server/base/error.h"

namespace mcpbridge {

// An http or https URL, taken apart.
struct HttpUrl {
  bool tls = false;
  std::string host;    // without the brackets of an IPv6 literal
  std::string port;    // "80" or "443" where the URL has none
  std::string target;  // path and query, at least "/"

  // What the Host header says: the port only where it isn't the scheme's own.
  std::string Authority() const;
};

// nullopt: not an http(s) URL with a host, or one with a user or a fragment.
std::optional<HttpUrl> ParseHttpUrl(std::string_view url);

// Where the reference `uri` (RFC 3986 4.1), found at `base`, points to: a target on the same
// server. Error: kUpstreamProtocol, it is not valid, or it points to another origin (scheme, host,
// port).
Result<std::string> ResolveOnSameOrigin(const HttpUrl& base, std::string_view uri);

}  // namespace mcpbridge

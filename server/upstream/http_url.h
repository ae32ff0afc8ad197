#pragma once

#include <optional>
#include <string>
#include <string_view>

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

}  // namespace mcpbridge

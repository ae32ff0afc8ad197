#include "server/config/http_fields.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <vector>

#include "server/config/ascii.h"
#include "server/config/units.h"

namespace mcpbridge {
namespace {

bool IsAlnum(char c) { return IsDigit(c) || IsLetter(c); }
bool IsControl(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

// Framing and connection handling are the bridge's, and so is what the MCP transport defines.
constexpr std::array<std::string_view, 19> kOwnHeaders{
    "accept",         "accept-encoding",      "connection",       "content-encoding",
    "content-length", "content-type",         "expect",           "host",
    "keep-alive",     "last-event-id",        "mcp-method",       "mcp-name",
    "mcp-session-id", "mcp-protocol-version", "proxy-connection", "te",
    "trailer",        "transfer-encoding",    "upgrade"};

std::string Base64(std::string_view bytes) {
  std::vector<unsigned char> out(4 * ((bytes.size() + 2) / 3) + 1);
  const int size = EVP_EncodeBlock(out.data(), reinterpret_cast<const unsigned char*>(bytes.data()),
                                   static_cast<int>(bytes.size()));
  return {out.begin(), out.begin() + size};
}

bool IsIpv6(const std::string& literal) {
  in6_addr address{};
  return inet_pton(AF_INET6, literal.c_str(), &address) == 1;
}

// `host`, `host:port`, `[v6]` or `[v6]:port`.
std::string AuthorityFault(std::string_view authority) {
  std::string_view host = authority;
  std::string_view port;
  const std::size_t bracket = authority.find(']');
  const std::size_t colon = authority.find(':', bracket == authority.npos ? 0 : bracket);
  if (colon != authority.npos) {
    host = authority.substr(0, colon);
    port = authority.substr(colon + 1);
    const auto number = ParseDigits(port, 65535);
    if (!number || *number == 0) return "the port must be a number from 1 to 65535";
  }
  if (host.empty()) return "must have a host";
  if (host.front() == '[') {
    const bool is_v6 = host.back() == ']' && IsIpv6(std::string(host.substr(1, host.size() - 2)));
    return is_v6 ? "" : "the host in brackets must be an IPv6 address";
  }
  const bool is_name =
      std::ranges::all_of(host, [](char c) { return IsAlnum(c) || IsOneOf(c, "-._~"); });
  return is_name ? "" : "the host must be a name or an IP address";
}

}  // namespace

std::string HeaderNameFault(std::string_view name) {
  const bool is_token = !name.empty() && std::ranges::all_of(name, [](char c) {
    return IsAlnum(c) || IsOneOf(c, "!#$%&'*+-.^_`|~");
  });
  if (!is_token) return "is not a valid header name";
  if (std::ranges::find(kOwnHeaders, AsciiLower(name)) == kOwnHeaders.end()) return "";
  return "is a header that mcp-bridge sets itself: remove it";
}

std::string HeaderValueFault(std::string_view value) {
  if (value.find_first_of("\r\n") != value.npos) return "must not contain a line break";
  if (std::ranges::any_of(value, [](char c) { return c != '\t' && IsControl(c); })) {
    return "must not contain control characters";
  }
  const bool is_padded =
      !value.empty() && (IsOneOf(value.front(), " \t") || IsOneOf(value.back(), " \t"));
  return is_padded ? "must not begin or end with a space" : "";
}

std::string UrlFault(std::string_view url) {
  if (std::ranges::any_of(url, [](char c) { return c == ' ' || c == '\\' || IsControl(c); })) {
    return "must not contain spaces, backslashes or control characters";
  }
  const std::size_t scheme_end = url.find("://");
  const std::string_view scheme = url.substr(0, scheme_end);
  if (scheme_end == url.npos || (scheme != "http" && scheme != "https")) {
    return "must begin with http:// or https://";
  }
  if (url.find('#') != url.npos) return "must not have a fragment (#...)";
  url.remove_prefix(scheme_end + 3);
  const std::string_view authority = url.substr(0, url.find_first_of("/?"));
  if (authority.find('@') != authority.npos) {
    return "must not contain credentials (user:password@): use auth_type: basic";
  }
  return AuthorityFault(authority);
}

std::string MetadataNameFault(std::string_view name) {
  const std::string lower = AsciiLower(name);
  const bool is_plain =
      std::ranges::all_of(lower, [](char c) { return (IsAlnum(c) || IsOneOf(c, "-_.")); });
  if (!is_plain) return "gRPC allows letters, digits, '-', '_' and '.' only in a name";
  if (lower.ends_with("-bin")) return "gRPC takes a name that ends in -bin for binary";
  const bool is_own = lower.starts_with("grpc-") || lower == "user-agent";
  return is_own ? "is gRPC's own: remove it" : "";
}

std::string MetadataValueFault(std::string_view value) {
  const bool is_visible = std::ranges::all_of(value, [](char c) { return c >= ' ' && c <= '~'; });
  return is_visible ? "" : "must be visible ASCII characters, as it goes over gRPC";
}

bool IsGrpcUrl(std::string_view url) {
  return url.starts_with("grpc://") || url.starts_with("grpcs://") ||
         url.starts_with("grpc+unix://");
}

std::string GrpcUrlFault(std::string_view url) {
  if (std::ranges::any_of(url, [](char c) { return c == ' ' || c == '\\' || IsControl(c); })) {
    return "must not contain spaces, backslashes or control characters";
  }
  if (!IsGrpcUrl(url)) return "must begin with grpc://, grpcs:// or grpc+unix://";
  const std::string_view rest = url.substr(url.find("://") + 3);
  if (url.starts_with("grpc+unix")) {
    return rest.size() > 1 && rest.front() == '/' ? "" : "must name a socket: grpc+unix:///PATH";
  }
  if (rest.find('@') != rest.npos) {
    return "must not contain credentials (user:password@): use auth_type";
  }
  if (rest.find_first_of("/?#") != rest.npos) return "must end with the port: gRPC has no paths";
  const std::size_t colon = rest.rfind(':');
  if (colon == rest.npos || rest.find(']', colon) != rest.npos) return "must have a port";
  return AuthorityFault(rest);
}

std::pair<std::string, std::string> AuthHeader(AuthType type, const std::string& value) {
  switch (type) {
    case AuthType::kApiKey:
      return {"X-API-Key", value};
    case AuthType::kBearerToken:
      return {"Authorization", "Bearer " + value};
    case AuthType::kBasic:
      return {"Authorization", "Basic " + Base64(value)};
    case AuthType::kAuthorization:
      return {"Authorization", value};
    case AuthType::kToken:
      return {"Authorization", "token " + value};
    case AuthType::kNone:
      break;
  }
  std::abort();
}

std::string AsciiLower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

}  // namespace mcpbridge

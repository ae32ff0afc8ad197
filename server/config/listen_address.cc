#include <arpa/inet.h>
#include <sys/un.h>

#include <array>
#include <limits>

#include "server/config/load.h"
#include "server/config/units.h"

namespace mcpbridge {
namespace {

constexpr std::string_view kUnixPrefix = "unix:";

std::optional<ListenAddress> ParseUnix(std::string path) {
  if (path.starts_with("///")) path.erase(0, 2);  // unix:///path, as URLs and gRPC have it
  const bool usable = path.size() > 1 && path.front() == '/' && path.back() != '/' &&
                      path.size() < sizeof(sockaddr_un::sun_path) &&
                      path.find('\0') == std::string::npos;
  if (!usable) return std::nullopt;
  return ListenAddress{.host = {}, .port = 0, .unix_path = std::move(path)};
}

// The literal in its canonical spelling. nullopt: not an address of `family`.
std::optional<std::string> Canonical(int family, const std::string& literal) {
  std::array<unsigned char, sizeof(in6_addr)> address{};
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (literal.find('\0') != std::string::npos) return std::nullopt;
  if (inet_pton(family, literal.c_str(), address.data()) != 1) return std::nullopt;
  if (inet_ntop(family, address.data(), text.data(), text.size()) == nullptr) return std::nullopt;
  return text.data();
}

std::optional<std::string> ParseHost(const std::string& text) {
  if (text.empty()) return "::";  // every address, IPv4's included
  if (text == "localhost") return text;
  if (text.front() == '[' && text.back() == ']') {
    return Canonical(AF_INET6, text.substr(1, text.size() - 2));
  }
  return Canonical(AF_INET, text);
}

}  // namespace

std::optional<ListenAddress> ParseListenAddress(const std::string& text) {
  if (text.starts_with(kUnixPrefix)) return ParseUnix(text.substr(kUnixPrefix.size()));
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) return std::nullopt;
  const auto host = ParseHost(text.substr(0, colon));
  const auto port = ParseDigits(std::string_view(text).substr(colon + 1),
                                std::numeric_limits<std::uint16_t>::max());
  if (!host || !port) return std::nullopt;
  return ListenAddress{.host = *host, .port = static_cast<std::uint16_t>(*port), .unix_path = {}};
}

}  // namespace mcpbridge

#include <sys/un.h>

#include <array>
#include <charconv>
#include <limits>
#include <optional>

#include "server/config/load.h"
#include "server/config/units.h"

namespace mcpbridge {
namespace {

constexpr std::string_view kTcp = "redis://";
constexpr std::string_view kUnix = "redis+unix://";

// %41 is A, as in any URL. nullopt: not so.
std::optional<std::string> Unescaped(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      plain += text[i];
      continue;
    }
    unsigned char byte = 0;
    const std::string_view digits = text.substr(i + 1, 2);
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
    if (error != std::errc() || digits.size() != 2 || end != digits.data() + 2) {
      return std::nullopt;
    }
    plain += static_cast<char>(byte);
    i += 2;
  }
  return plain;
}

// "user:password" or ":password".
bool ReadLogin(std::string_view text, StoreAddress& address) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return false;
  const auto user = Unescaped(text.substr(0, colon));
  const auto password = Unescaped(text.substr(colon + 1));
  if (!user || !password || password->empty()) return false;
  address.user = *user;
  address.password = *password;
  return true;
}

bool ReadHost(std::string_view text, StoreAddress& address) {
  const std::size_t colon = text.rfind(':');
  const bool has_port = colon != std::string_view::npos && text.find(']', colon) == text.npos;
  std::string_view host = text.substr(0, has_port ? colon : text.npos);
  if (has_port) {
    const auto port =
        ParseDigits(text.substr(colon + 1), std::numeric_limits<std::uint16_t>::max());
    if (!port || *port == 0) return false;
    address.port = static_cast<std::uint16_t>(*port);
  }
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  address.host = host;
  return !host.empty() && host.find_first_of("/@[]?# ") == host.npos;
}

}  // namespace

std::string StoreAddress::ToString() const {
  return unix_path.empty() ? host + ":" + std::to_string(port) : unix_path;
}

std::optional<StoreAddress> ParseStoreAddress(std::string_view text) {
  StoreAddress address;
  if (text.starts_with(kUnix)) {
    address.unix_path = text.substr(kUnix.size());
    const bool usable = address.unix_path.starts_with('/') && address.unix_path.size() > 1 &&
                        address.unix_path.size() < sizeof(sockaddr_un::sun_path);
    return usable ? std::optional(address) : std::nullopt;
  }
  if (!text.starts_with(kTcp)) return std::nullopt;
  text.remove_prefix(kTcp.size());
  if (const std::size_t at = text.rfind('@'); at != std::string_view::npos) {
    if (!ReadLogin(text.substr(0, at), address)) return std::nullopt;
    text.remove_prefix(at + 1);
  }
  if (const std::size_t slash = text.find('/'); slash != std::string_view::npos) {
    const std::string_view database = text.substr(slash + 1);
    const auto number = ParseDigits(database, 1'000'000);
    if (!database.empty() && !number) return std::nullopt;
    address.database = static_cast<int>(number.value_or(0));
    text = text.substr(0, slash);
  }
  return ReadHost(text, address) ? std::optional(address) : std::nullopt;
}

}  // namespace mcpbridge

#include "server/service/request_state.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <cstdlib>
#include <span>

namespace mcpbridge {
namespace {

constexpr std::string_view kMaker = "mcp-bridge.1.";
constexpr std::size_t kHandleSize = 32;
constexpr std::size_t kMakerSize = 8;
constexpr std::size_t kMacSize = 64;

std::string Hex(std::span<const unsigned char> bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (const unsigned char byte : bytes) {
    hex.push_back(kDigits[byte >> 4]);
    hex.push_back(kDigits[byte & 0xf]);
  }
  return hex;
}

}  // namespace

RequestStates::RequestStates()
    : prefix_(std::string(kMaker).append(NewHandle().substr(0, kMakerSize)).append(".")) {
  // Without a secret key nothing could be sealed: there is no going on.
  if (RAND_bytes(key_.data(), static_cast<int>(key_.size())) != 1) std::abort();
}

std::string RequestStates::NewHandle() {
  std::array<unsigned char, kHandleSize / 2> bits;
  if (RAND_bytes(bits.data(), static_cast<int>(bits.size())) != 1) return {};
  return Hex(bits);
}

std::string RequestStates::MacOf(std::string_view handle, std::string_view about) const {
  std::string text(handle);
  text.append("\n").append(about);
  std::array<unsigned char, kMacSize / 2> mac;
  unsigned size = 0;
  HMAC(EVP_sha256(), key_.data(), static_cast<int>(key_.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), mac.data(), &size);
  return Hex(mac);
}

std::string RequestStates::Seal(std::string_view handle, std::string_view about) const {
  return std::string(prefix_).append(handle).append(".").append(MacOf(handle, about));
}

std::optional<std::string> RequestStates::Open(std::string_view state,
                                               std::string_view about) const {
  if (!IsOurs(state) || state.size() != prefix_.size() + kHandleSize + 1 + kMacSize) {
    return std::nullopt;
  }
  const std::string_view handle = state.substr(prefix_.size(), kHandleSize);
  const std::string mac = MacOf(handle, about);
  if (state[prefix_.size() + kHandleSize] != '.' ||
      CRYPTO_memcmp(mac.data(), state.data() + state.size() - kMacSize, kMacSize) != 0) {
    return std::nullopt;
  }
  return std::string(handle);
}

}  // namespace mcpbridge

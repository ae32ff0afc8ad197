#include "server/service/session_seal.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>
#include <vector>

#include "server/mcp/json_members.h"
#include "server/protojson/base64.h"

namespace mcpbridge {
namespace {

// Of what is sealed; a bridge that doesn't know it refuses the id.
constexpr std::string_view kForm = "1";
// Between the parts: in no JSON text, name or number.
constexpr char kPartEnd = '\x1f';
constexpr std::size_t kParts = 6;
// So that no other use of the same key makes the same seal.
constexpr std::string_view kPurpose = "mcp-bridge session\n";

std::string Joined(const std::array<std::string_view, kParts>& parts) {
  std::string text(parts.front());
  for (std::size_t i = 1; i < parts.size(); ++i) text.append(1, kPartEnd).append(parts[i]);
  return text;
}

// nullopt: another number of them.
std::optional<std::array<std::string_view, kParts>> PartsOf(std::string_view text) {
  std::array<std::string_view, kParts> parts;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::size_t end = text.find(kPartEnd);
    if ((end == std::string_view::npos) != (i + 1 == parts.size())) return std::nullopt;
    parts[i] = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return parts;
}

// Of a client's info only what servers tell clients apart by.
std::string NameOnly(const std::string& client_info) {
  const auto members = JsonMembers::Read(client_info);
  if (!members) return {};
  std::string kept;
  for (const std::string_view key : {"name", "version"}) {
    const auto value = members->Get(key);
    if (!value) continue;
    kept.append(kept.empty() ? "{\"" : ",\"").append(key).append("\":").append(*value);
  }
  return kept.empty() ? kept : kept + "}";
}

// What Scope::Names() gives. nullopt: one isn't configured here.
std::optional<Scope> ScopeOf(const Config& config, std::string_view names) {
  if (names.empty()) return Scope();
  std::vector<std::size_t> servers;
  while (!names.empty()) {
    const std::size_t end = std::min(names.find(','), names.size());
    const auto server = IndexOf(config, names.substr(0, end));
    if (!server) return std::nullopt;
    servers.push_back(*server);
    names.remove_prefix(std::min(end + 1, names.size()));
  }
  return Scope::Of(std::move(servers));
}

// As it was: what is sealed has been read before. nullopt: it names a capability twice.
std::optional<ClientProfile> ProfileOf(std::string_view version, std::string_view capabilities,
                                       std::string_view client_info) {
  const auto declared = JsonMembers::Read(capabilities);
  if (!declared) return std::nullopt;
  ClientProfile profile;
  profile.version = version;
  profile.capabilities = capabilities;
  profile.client_info = client_info;
  profile.can_sample = declared->Get("sampling").has_value();
  profile.can_elicit = declared->Get("elicitation").has_value();
  profile.has_roots = declared->Get("roots").has_value();
  profile.has_tasks = declared->Get("tasks").has_value();
  return profile;
}

}  // namespace

std::string SessionSeals::MacOf(const std::string& key, std::string_view text) {
  const std::string sealed = std::string(kPurpose).append(text);
  std::array<unsigned char, 32> mac;
  unsigned size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(sealed.data()), sealed.size(), mac.data(), &size);
  std::string text_form;
  AppendBase64(text_form, {reinterpret_cast<const char*>(mac.data()), mac.size()});
  return text_form;
}

// Whether one of our keys makes this of the text.
bool SessionSeals::IsMade(std::string_view mac, std::string_view text) const {
  for (const std::string* key : {&key_, &accepted_key_}) {
    if (key->empty()) continue;
    const std::string ours = MacOf(*key, text);
    if (mac.size() == ours.size() && CRYPTO_memcmp(mac.data(), ours.data(), ours.size()) == 0) {
      return true;
    }
  }
  return false;
}

std::string SessionSeals::Space() const {
  std::string space;
  for (const char c : MacOf(key_, "store").substr(0, 16)) space += c == '/' || c == '+' ? '-' : c;
  return space;
}

std::string SessionSeals::Seal(const Config& config, const std::string& id,
                               const ClientProfile& profile, const Scope& scope,
                               Clock::time_point now) const {
  if (key_.empty()) return id;
  const auto age = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch());
  const std::string at = std::to_string(age.count());
  const std::string names = scope.Names(config);
  for (const std::string& info : {profile.client_info, NameOnly(profile.client_info)}) {
    std::string sealed = id + ".";
    AppendBase64(sealed, Joined({kForm, at, names, profile.version, profile.capabilities, info}));
    sealed.append(".").append(MacOf(key_, sealed));
    if (sealed.size() <= kMaxSize) return sealed;
  }
  return id;
}

std::optional<SessionSeals::Client> SessionSeals::Open(const Config& config, std::string_view id,
                                                       Clock::time_point now) const {
  if (key_.empty() || id.size() > kMaxSize) return std::nullopt;
  const std::size_t begin = id.find('.');
  const std::size_t end = id.rfind('.');
  if (begin == std::string_view::npos || begin == end) return std::nullopt;
  if (!IsMade(id.substr(end + 1), id.substr(0, end + 1))) return std::nullopt;
  std::string text;
  if (!DecodeBase64(id.substr(begin + 1, end - begin - 1), text)) return std::nullopt;
  const auto parts = PartsOf(text);
  if (!parts || (*parts)[0] != kForm) return std::nullopt;
  const std::string_view at = (*parts)[1];
  long long seconds = 0;
  if (std::from_chars(at.data(), at.data() + at.size(), seconds).ec != std::errc()) {
    return std::nullopt;
  }
  const Clock::time_point opened{std::chrono::seconds(seconds)};
  if (now - opened > max_age_) return std::nullopt;
  auto scope = ScopeOf(config, (*parts)[2]);
  auto profile = ProfileOf((*parts)[3], (*parts)[4], (*parts)[5]);
  if (!scope || !profile) return std::nullopt;
  return Client{.profile = *std::move(profile), .scope = *std::move(scope)};
}

bool EndedSessions::Add(std::string_view id) {
  const std::string random(RandomPartOf(id));
  const std::lock_guard lock(mutex_);
  if (!ids_.insert(random).second) return false;
  order_.push_back(random);
  if (order_.size() > kMost) {
    ids_.erase(order_.front());
    order_.pop_front();
  }
  return true;
}

bool EndedSessions::Has(std::string_view id) const {
  const std::string random(RandomPartOf(id));
  const std::lock_guard lock(mutex_);
  return ids_.contains(random);
}

}  // namespace mcpbridge

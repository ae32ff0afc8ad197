#include "server/config/bridge_section.h"

#include <string>
#include <string_view>
#include <vector>

#include "server/config/http_fields.h"
#include "server/config/load.h"

namespace mcpbridge {
namespace {

bool IsHostCharacters(std::string_view text) {
  return !text.empty() &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.-_") == text.npos;
}

// A host as a Host header has it, in lower case: a name, an IPv4 address or "[v6]"; no port.
bool IsHost(std::string_view text) {
  if (!text.starts_with('[')) return IsHostCharacters(text);
  return text.size() > 2 && text.ends_with(']') &&
         text.find_first_not_of("0123456789abcdef:.", 1) == text.size() - 1;
}

// scheme://host[:port], as a browser's Origin header has it, in lower case.
bool IsOrigin(std::string_view text) {
  return text.find_first_of("*@ \t") == text.npos && UrlFault(text).empty() &&
         text.find_first_of("/?", text.find("://") + 3) == text.npos;
}

void ReadListen(YamlReader& reader, const YamlValue& value, ListenAddress& out) {
  std::string text;
  if (!reader.ReadNonEmpty(value, text)) return;
  if (auto address = ParseListenAddress(text)) {
    out = *address;
    return;
  }
  reader.AddError(value, R"(expected an address to listen on: "127.0.0.1:4000", "[::1]:4000", )"
                         R"("localhost:4000", ":4000" (all addresses) or "unix:/path")");
}

// A list of strings that `is_valid` accepts once they are in lower case.
void ReadLowerCase(YamlReader& reader, const YamlValue& value, bool (*is_valid)(std::string_view),
                   const char* expected, std::vector<std::string>& out) {
  const auto items = reader.ReadItems(value);
  if (!items) return;
  for (const YamlValue& item : *items) {
    std::string text;
    if (!reader.ReadNonEmpty(item, text)) continue;
    text = AsciiLower(text);
    if (is_valid(text)) {
      out.push_back(std::move(text));
    } else {
      reader.AddError(item, expected);
    }
  }
}

void ReadLimits(YamlReader& reader, const YamlValue& value, BridgeConfig::Limits& limits) {
  const auto count = [&reader](int& out) {
    return [&reader, &out](const YamlValue& v) { reader.ReadInt(v, out); };
  };
  const auto size = [&reader](std::size_t& out) {
    return [&reader, &out](const YamlValue& v) { reader.ReadSize(v, out); };
  };
  reader.ReadMap(
      value,
      {{"in_flight_calls", count(limits.in_flight_calls)},
       {"request_bytes", size(limits.request_bytes)},
       {"response_bytes", size(limits.response_bytes)},
       {"header_bytes", size(limits.header_bytes)},
       {"http_connections", count(limits.http_connections)},
       {"sessions", count(limits.sessions)},
       {"replay_bytes", size(limits.replay_bytes)},
       {"client_processes", count(limits.client_processes)},
       {"parked_calls", count(limits.parked_calls)},
       {"upstream_connections", count(limits.upstream_connections)},
       {"call_timeout", [&](const YamlValue& v) { reader.ReadDuration(v, limits.call_timeout); }}});
}

void ReadReload(YamlReader& reader, const YamlValue& value, ReloadOn& out) {
  std::string word;
  if (!reader.ReadWord(value, word)) return;
  if (word == "auto") {
    out = ReloadOn::kAuto;
  } else if (word == "signal") {
    out = ReloadOn::kSignal;
  } else if (word == "off") {
    out = ReloadOn::kOff;
  } else {
    reader.AddError(value, "expected one of auto, signal, off");
  }
}

}  // namespace

void ReadBridgeSection(YamlReader& reader, const YamlValue& value, BridgeConfig& bridge) {
  constexpr auto kOrigin =
      "expected an origin such as https://app.example.com: no path, no wildcard";
  constexpr auto kHost = "expected a host such as bridge.internal: no port, no wildcard";
  reader.ReadMap(
      value,
      {{"http_listen", [&](const YamlValue& v) { ReadListen(reader, v, bridge.http_listen); }},
       {"grpc_listen", [&](const YamlValue& v) { ReadListen(reader, v, bridge.grpc_listen); }},
       {"allow_unauthenticated",
        [&](const YamlValue& v) { reader.ReadBool(v, bridge.allow_unauthenticated); }},
       {"allowed_origins",
        [&](const YamlValue& v) {
          ReadLowerCase(reader, v, IsOrigin, kOrigin, bridge.allowed_origins);
        }},
       {"allowed_hosts",
        [&](const YamlValue& v) { ReadLowerCase(reader, v, IsHost, kHost, bridge.allowed_hosts); }},
       {"lanes", [&](const YamlValue& v) { reader.ReadInt(v, bridge.lanes); }},
       {"grpc_queues", [&](const YamlValue& v) { reader.ReadInt(v, bridge.grpc_queues); }},
       {"grpc_threads_per_queue",
        [&](const YamlValue& v) { reader.ReadInt(v, bridge.grpc_threads_per_queue); }},
       {"limits", [&](const YamlValue& v) { ReadLimits(reader, v, bridge.limits); }},
       {"session_idle", [&](const YamlValue& v) { reader.ReadDuration(v, bridge.session_idle); }},
       {"drain_grace", [&](const YamlValue& v) { reader.ReadDuration(v, bridge.drain_grace); }},
       {"catalogue_ttl", [&](const YamlValue& v) { reader.ReadDuration(v, bridge.catalogue_ttl); }},
       {"log_level", [&](const YamlValue& v) { reader.ReadWord(v, bridge.log_level); }},
       {"reload", [&](const YamlValue& v) { ReadReload(reader, v, bridge.reload); }}});
}

}  // namespace mcpbridge

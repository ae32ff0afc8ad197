#include "server/config/bridge_section.h"

#include <charconv>
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

void ReadStore(YamlReader& reader, const YamlValue& value, std::optional<StoreAddress>& out) {
  std::string text;
  if (!reader.ReadNonEmpty(value, text)) return;
  out = ParseStoreAddress(text);
  if (out) return;
  reader.AddError(value,
                  "expected redis://[user:password@]host[:port][/database] or redis+unix:///path");
}

void ReadTraces(YamlReader& reader, const YamlValue& value, TracesConfig& traces) {
  reader.ReadMap(
      value,
      {{"endpoint",
        [&](const YamlValue& v) {
          if (!reader.ReadNonEmpty(v, traces.endpoint)) return;
          const std::string fault = UrlFault(traces.endpoint);
          if (!fault.empty()) reader.AddError(v, fault);
        }},
       {"sample",
        [&](const YamlValue& v) {
          std::string text;
          if (!reader.ReadWord(v, text)) return;
          const char* const end = text.data() + text.size();
          const auto read = std::from_chars(text.data(), end, traces.sample);
          if (read.ec != std::errc() || read.ptr != end || !(traces.sample >= 0) ||
              traces.sample > 1) {
            reader.AddError(v, "expected a part of all calls, from 0 to 1, such as 0.05");
          }
        }},
       {"headers", [&](const YamlValue& v) {
          for (const auto& entry : reader.ReadEntries(v, YamlReader::BareKeys::kHidden)) {
            std::string text;
            if (!reader.ReadNonEmpty(entry.value, text)) continue;
            for (const std::string& fault : {HeaderNameFault(entry.key), HeaderValueFault(text)}) {
              if (!fault.empty()) reader.AddError(entry.value, fault);
            }
            traces.headers.emplace_back(entry.key, std::move(text));
          }
        }}});
}

// The same, or `off`.
void ReadListenOrOff(YamlReader& reader, const YamlValue& value,
                     std::optional<ListenAddress>& out) {
  std::string text;
  if (!reader.ReadWord(value, text)) return;
  if (text == "off") return out.reset();
  out = ParseListenAddress(text);
  if (!out) {
    reader.AddError(value, R"(expected an address to listen on, as for http_listen, or off)");
  }
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
       {"admin_listen",
        [&](const YamlValue& v) { ReadListenOrOff(reader, v, bridge.admin_listen); }},
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
       {"session_key", [&](const YamlValue& v) { reader.ReadNonEmpty(v, bridge.session_key); }},
       {"session_key_accepted",
        [&](const YamlValue& v) { reader.ReadNonEmpty(v, bridge.session_key_accepted); }},
       {"session_max_age",
        [&](const YamlValue& v) { reader.ReadDuration(v, bridge.session_max_age); }},
       {"session_store", [&](const YamlValue& v) { ReadStore(reader, v, bridge.session_store); }},
       {"drain_grace", [&](const YamlValue& v) { reader.ReadDuration(v, bridge.drain_grace); }},
       {"catalogue_ttl", [&](const YamlValue& v) { reader.ReadDuration(v, bridge.catalogue_ttl); }},
       {"traces", [&](const YamlValue& v) { ReadTraces(reader, v, bridge.traces.emplace()); }},
       {"log_level", [&](const YamlValue& v) { reader.ReadWord(v, bridge.log_level); }},
       {"access_log", [&](const YamlValue& v) { reader.ReadWord(v, bridge.access_log); }},
       {"reload", [&](const YamlValue& v) { ReadReload(reader, v, bridge.reload); }}});
}

}  // namespace mcpbridge

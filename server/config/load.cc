#include "server/config/load.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <system_error>

#include "server/config/bridge_section.h"
#include "server/config/litellm_keys.h"
#include "server/config/nearest.h"
#include "server/config/server_section.h"
#include "server/config/yaml_reader.h"

namespace mcpbridge {
namespace {

std::string SystemMessage(int error) { return std::generic_category().message(error); }

// The whole file. 0, or errno: streams would not tell why.
int ReadFile(const std::string& file, std::string& text) {
  const std::unique_ptr<FILE, int (*)(FILE*)> stream(std::fopen(file.c_str(), "rbe"), &std::fclose);
  if (stream == nullptr) return errno;
  std::array<char, 4096> buffer{};
  while (const std::size_t size = std::fread(buffer.data(), 1, buffer.size(), stream.get())) {
    text.append(buffer.data(), size);
  }
  return std::ferror(stream.get()) != 0 ? errno : 0;
}

// `litellm_settings.mcp_aliases`: by the key of the server, its aliases in the file's order.
using Aliases = std::map<std::string, std::vector<ServerAlias>>;

void ReadAliases(YamlReader& reader, const YamlValue& value, Aliases& aliases) {
  for (const YamlReader::Entry& entry : reader.ReadEntries(value, YamlReader::BareKeys::kShown)) {
    std::string key;
    if (!reader.ReadNonEmpty(entry.value, key)) continue;
    aliases[SpelledServerName(std::move(key))].push_back(
        {.name = SpelledServerName(entry.key), .at = entry.value});
  }
}

void ReadLiteLlmSettings(YamlReader& reader, const YamlValue& value, Aliases& aliases) {
  reader.ReadMap(value,
                 {{"mcp_aliases", [&](const YamlValue& v) { ReadAliases(reader, v, aliases); }}},
                 [](const std::string& key) -> std::string {
                   if (!Nearest(key, {"mcp_aliases"}).empty()) return "";
                   return "is not supported: of litellm_settings mcp-bridge has mcp_aliases only";
                 });
}

// `mcp_servers`, names checked against each other.
class ServersSection {
 public:
  ServersSection(YamlReader& reader, Aliases aliases)
      : reader_(reader), aliases_(std::move(aliases)) {}

  std::vector<ServerConfig> Read(const YamlValue& value) {
    std::vector<ServerConfig> servers;
    const auto entries = reader_.ReadEntries(value, YamlReader::BareKeys::kShown);
    if (value.node.IsMap() && value.node.size() == 0) reader_.AddError(value, kNoServer);
    for (const YamlReader::Entry& entry : entries) {
      YamlValue at = entry.value;
      const std::string key = SpelledServerName(entry.key);
      at.path = value.path + "." + ShownKey(key);
      servers.push_back(ReadServerSection(reader_, entry.key, at, aliases_[key]));
      Claim(servers.back().name, at);
      for (const std::string& name : servers.back().other_names) Claim(name, at);
    }
    for (const auto& [key, aliases] : aliases_) {
      const auto is_key = [&key = key](const auto& e) { return SpelledServerName(e.key) == key; };
      if (std::ranges::any_of(entries, is_key)) continue;
      for (const ServerAlias& alias : aliases) {
        reader_.AddError(alias.at, "is an alias of a server that mcp_servers does not have");
      }
    }
    std::ranges::sort(servers, {}, &ServerConfig::name);
    return servers;
  }

  static constexpr auto kNoServer = "needs at least one server";

 private:
  void Claim(const std::string& name, const YamlValue& at) {
    const auto [first, is_new] = line_of_.emplace(name, at.line);
    if (is_new) return;
    reader_.AddError(at, "the name \"" + ShownKey(name) +
                             "\" already belongs to the server on line " +
                             std::to_string(first->second) + "; aliases count as names");
  }

  YamlReader& reader_;
  Aliases aliases_;
  std::map<std::string, int> line_of_;
};

// A master key that no caller's header could carry would lock everybody out.
void ReadMasterKey(YamlReader& reader, const YamlValue& value, std::string& out) {
  std::string key;
  if (!reader.ReadNonEmpty(value, key)) return;
  const auto is_visible = [](char c) { return c > 0x20 && c < 0x7f; };
  if (std::ranges::all_of(key, is_visible)) {
    out = std::move(key);
  } else {
    reader.AddError(value, "must be visible ASCII characters only: no spaces, no line breaks");
  }
}

void ReadGeneralSettings(YamlReader& reader, const YamlValue& value, Config& config) {
  reader.ReadMap(
      value,
      {{"master_key", [&](const YamlValue& v) { ReadMasterKey(reader, v, config.master_key); }}},
      [](const std::string& key) -> std::string {
        if (!Nearest(key, {"master_key"}).empty()) return "";
        return "is not supported: of general_settings mcp-bridge has master_key only";
      });
}

std::string RefuseSection(const std::string& key) {
  if (std::ranges::find(kLiteLlmSections, key) == std::end(kLiteLlmSections)) return "";
  return "is LiteLLM's and not for mcp-bridge: move mcp_servers and general_settings.master_key to "
         "a "
         "file of their own and start mcp-bridge with that";
}

// What holds between settings, with the lines they stand on.
void AddCrossErrors(YamlReader& reader, const Config& config, const std::string& file) {
  // An address is only exposed if the key, or its absence, is known.
  const bool is_access_known =
      !reader.HasErrorAt("general_settings") && !reader.HasErrorAt("bridge.allow_unauthenticated");
  for (ConfigError& error : CheckConfig(config, file)) {
    const bool is_listen = error.path.ends_with("_listen");
    if (is_listen && !is_access_known) continue;
    reader.AddError(reader.LineOf(error.path), error.path, std::move(error.message));
  }
}

// Where the setting stands, or what it would stand in: some are left out.
int LineNear(const YamlReader& reader, std::string path) {
  for (;;) {
    const int line = reader.LineOf(path);
    const std::size_t dot = path.rfind('.');
    if (line != 0 || dot == std::string::npos) return line;
    path.resize(dot);
  }
}

Config ReadConfig(YamlReader& reader, const YamlValue& document, const std::string& file) {
  Config config;
  Aliases aliases;
  std::optional<YamlValue> servers;  // read when the aliases are known, wherever those stand
  reader.ReadMap(
      document,
      {{"mcp_servers", [&](const YamlValue& v) { servers = v; }},
       {"litellm_settings", [&](const YamlValue& v) { ReadLiteLlmSettings(reader, v, aliases); }},
       {"general_settings", [&](const YamlValue& v) { ReadGeneralSettings(reader, v, config); }},
       {"bridge", [&](const YamlValue& v) { ReadBridgeSection(reader, v, config.bridge); }}},
      RefuseSection);
  if (servers) config.servers = ServersSection(reader, std::move(aliases)).Read(*servers);
  if (document.node.IsMap() && !servers) {
    reader.AddError(0, "mcp_servers", ServersSection::kNoServer);
  }
  AddCrossErrors(reader, config, file);
  return config;
}

}  // namespace

std::variant<std::string, ConfigError> ReadConfigFile(const std::string& file) {
  std::string text;
  if (const int error = ReadFile(file, text); error != 0) {
    return ConfigError{file, 0, "", "cannot be read: " + SystemMessage(error)};
  }
  return text;
}

std::variant<Config, std::vector<ConfigError>> LoadConfig(const std::string& file,
                                                          const GetEnv& env) {
  auto text = ReadConfigFile(file);
  if (auto* error = std::get_if<ConfigError>(&text)) return std::vector<ConfigError>{*error};
  return ParseConfig(std::get<std::string>(text), file, env);
}

std::variant<Config, std::vector<ConfigError>> ParseConfig(const std::string& text,
                                                           const std::string& file,
                                                           const GetEnv& env,
                                                           const CheckMore& check_more) {
  YamlReader reader(file, env);
  Config config;
  if (const auto document = reader.ReadDocument(text)) {
    config = ReadConfig(reader, *document, file);
  }
  auto errors = reader.TakeErrors();
  if (errors.empty() && check_more) {
    errors = check_more(config);
    for (ConfigError& error : errors) error.line = LineNear(reader, error.path);
  }
  if (!errors.empty()) return errors;
  return config;
}

}  // namespace mcpbridge

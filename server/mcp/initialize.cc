#include "server/mcp/initialize.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include "server/base/version.h"
#include "server/jsonrpc/message.h"
#include "server/mcp/json_members.h"
#include "server/mcp/modern.h"
#include "server/mcp/modern_meta.h"
#include "server/mcp/tasks.h"

namespace mcpbridge {
namespace {

namespace od = simdjson::ondemand;

constexpr std::array<std::string_view, 4> kLegacyVersions = {"2024-11-05", "2025-03-26",
                                                             "2025-06-18", kNewestLegacyVersion};

Error Malformed(const std::string& what) {
  return Error{.reason = Reason::kUpstreamProtocol,
               .message = "the server's answer to the handshake " + what};
}

std::string TextOf(simdjson::simdjson_result<od::value> value) {
  std::string_view text;
  return value.get_string().get(text) ? std::string() : std::string(text);
}

// Whether a server declares the capability `name`.
bool Declares(od::object& capabilities, std::string_view name) {
  od::object capability;
  return !capabilities.find_field_unordered(name).get_object().get(capability);
}

void ReadServerInfo(od::object info, InitializeResult& result) {
  result.server_name = TextOf(info.find_field_unordered("name"));
  result.server_version = TextOf(info.find_field_unordered("version"));
}

// `feature`, a raw object of options, with those of MCP's that are true in `other`.
std::string WithTrueOptions(const std::string& feature, std::string_view other) {
  auto options = JsonMembers::Read(feature);
  const auto more = JsonMembers::Read(other);
  if (!options || !more) return feature;
  for (const std::string_view key : {"listChanged", "subscribe"}) {
    if (more->Get(key) == "true") options->Set(key, "true");
  }
  return std::move(*options).Take();
}

// False: not valid JSON.
bool ReadCapabilities(od::object object, InitializeResult& result) {
  std::string_view raw;
  if (object.raw_json().get(raw)) return false;
  result.capabilities = jsonrpc::TrimEnd(raw);
  object.reset();
  bool is_empty = true;
  for (auto field : object) {
    std::string_view name;
    if (field.error() || field.unescaped_key().get(name)) return false;
    if (!jsonrpc::Validate(field.value_unsafe().value())) return false;
    is_empty = false;
  }
  object.reset();
  result.has_tools = is_empty || Declares(object, "tools");
  result.has_resources = Declares(object, "resources");
  result.has_prompts = Declares(object, "prompts");
  return true;
}

// What both handshakes have at their top: instructions and capabilities.
std::optional<Error> ReadOffer(od::object& object, InitializeResult& result) {
  std::string_view instructions;
  if (!object.find_field_unordered("instructions").get_string().get(instructions)) {
    result.instructions = jsonrpc::Quote(instructions);
  }
  result.has_tools = true;
  od::object inner;
  if (!object.find_field_unordered("capabilities").get_object().get(inner) &&
      !ReadCapabilities(inner, result)) {
    return Malformed("has capabilities that are not valid JSON");
  }
  return std::nullopt;
}

}  // namespace

bool IsLegacyVersion(std::string_view version) {
  return std::find(kLegacyVersions.begin(), kLegacyVersions.end(), version) !=
         kLegacyVersions.end();
}

std::string BridgeInfo() {
  return std::string(R"({"name":"mcp-bridge","title":"mcp-bridge","version":")")
      .append(kVersion)
      .append("\"}");
}

std::string InitializeParams() {
  // No capabilities: what a caller could do for a server can't be promised on its behalf.
  return std::string(R"({"protocolVersion":")")
      .append(kNewestLegacyVersion)
      .append(R"(","capabilities":{},"clientInfo":)")
      .append(BridgeInfo())
      .append("}");
}

std::string InitializeParams(const ClientProfile& client) {
  return std::string(R"({"protocolVersion":")")
      .append(client.version)
      .append(R"(","capabilities":)")
      .append(client.capabilities)
      .append(R"(,"clientInfo":)")
      .append(client.client_info.empty() ? BridgeInfo() : client.client_info)
      .append("}");
}

bool ClientProfile::CanAnswer(std::string_view method) const {
  return (method == "sampling/createMessage" && can_sample) ||
         (method == "elicitation/create" && can_elicit) || (method == "roots/list" && has_roots) ||
         (has_tasks && IsAboutTasks(method));
}

Result<ClientProfile> ParseInitialize(jsonrpc::Message& message) {
  const auto invalid = [](std::string what) {
    return Error{.reason = Reason::kInvalidArguments, .message = std::move(what)};
  };
  od::object params;
  if (message.params.empty() || jsonrpc::ParamsValue(message).get_object().get(params)) {
    return invalid("params.protocolVersion, a string, is missing");
  }
  ClientProfile client;
  client.capabilities = "{}";
  for (auto field : params) {
    std::string_view key;
    if (field.error() || field.unescaped_key().get(key)) return invalid("params is not valid JSON");
    od::value value = field.value_unsafe().value();
    std::string_view raw;
    if (key == "protocolVersion") {
      if (value.get_string().get(raw)) return invalid("params.protocolVersion must be a string");
      client.version = IsLegacyVersion(raw) ? raw : kNewestLegacyVersion;
    } else if (key == "capabilities" || key == "clientInfo") {
      const bool is_capabilities = key == "capabilities";
      od::object object;
      if (value.get_object().get(object) || object.raw_json().get(raw)) {
        return invalid("params." + std::string(is_capabilities ? "capabilities" : "clientInfo") +
                       " must be an object");
      }
      (is_capabilities ? client.capabilities : client.client_info) = raw;
      object.reset();
      for (auto inner : object) {
        std::string_view name;
        if (inner.error() || inner.unescaped_key().get(name))
          return invalid("params is not valid JSON");
        if (is_capabilities && name == "sampling") client.can_sample = true;
        if (is_capabilities && name == "elicitation") client.can_elicit = true;
        if (is_capabilities && name == "roots") client.has_roots = true;
        if (is_capabilities && name == "tasks") client.has_tasks = true;
        if (!jsonrpc::Validate(inner.value_unsafe().value(), 2)) {
          return invalid("params is not valid JSON");
        }
      }
    } else if (!jsonrpc::Validate(value, 1)) {
      return invalid("params is not valid JSON");
    }
  }
  if (client.version.empty()) return invalid("params.protocolVersion, a string, is missing");
  return client;
}

Result<InitializeResult> ParseInitializeResult(std::string_view raw) {
  od::parser parser;
  const simdjson::padded_string text(raw);
  od::document document;
  if (parser.iterate(text).get(document)) return Malformed("is not valid JSON");
  od::object object;
  if (document.get_object().get(object)) return Malformed("is not an object");
  InitializeResult result;
  result.protocol_version = TextOf(object.find_field_unordered("protocolVersion"));
  if (result.protocol_version.empty()) return Malformed("names no protocolVersion");
  if (!IsLegacyVersion(result.protocol_version)) {
    return Malformed("chooses version \"" + result.protocol_version.substr(0, 40) +
                     "\", which the bridge does not speak");
  }
  od::object inner;
  if (!object.find_field_unordered("serverInfo").get_object().get(inner)) {
    ReadServerInfo(inner, result);
  }
  if (auto error = ReadOffer(object, result)) return *std::move(error);
  return result;
}

Result<InitializeResult> ParseDiscoverResult(std::string_view raw) {
  if (!OffersModern(raw)) {
    return Error{.reason = Reason::kUnsupportedProtocolVersion,
                 .message = "the server does not speak " + std::string(kModernVersion)};
  }
  od::parser parser;
  const simdjson::padded_string text(raw);
  od::document document;
  if (parser.iterate(text).get(document)) return Malformed("is not valid JSON");
  od::object object;
  if (document.get_object().get(object)) return Malformed("is not an object");
  InitializeResult result;
  result.protocol_version = kModernVersion;
  od::object meta;
  od::object info;
  if (!object.find_field_unordered("_meta").get_object().get(meta) &&
      !meta.find_field_unordered(kMetaServerInfo).get_object().get(info)) {
    ReadServerInfo(info, result);
  }
  if (auto error = ReadOffer(object, result)) return *std::move(error);
  return result;
}

std::string InitializeAnswer(std::string_view version, std::string_view capabilities,
                             std::string_view instructions) {
  std::string answer = R"({"protocolVersion":")";
  answer.append(version).append(R"(","capabilities":)").append(capabilities);
  answer.append(R"(,"serverInfo":)").append(BridgeInfo());
  if (!instructions.empty()) answer.append(R"(,"instructions":)").append(instructions);
  return answer.append("}");
}

bool Declares(std::string_view capabilities, std::string_view feature) {
  const auto members = JsonMembers::Read(capabilities);
  return members && members->Get(feature).has_value();
}

namespace {

// What either object has, all the way down; where both have something else, as `first` has it.
std::string Union(std::string_view first, std::string_view second) {
  auto into = JsonMembers::Read(first);
  const auto from = JsonMembers::Read(second);
  if (!into || !from) return std::string(first);
  for (const std::string& key : from->Keys()) {
    const std::string theirs(*from->Get(key));
    const auto ours = into->Get(key);
    if (ours) {
      if (ours->starts_with('{') && theirs.starts_with('{')) into->Set(key, Union(*ours, theirs));
    } else if (jsonrpc::Quote(key).size() == key.size() + 2) {  // a plain name
      into->Set(key, theirs);
    }
  }
  return std::move(*into).Take();
}

}  // namespace

std::string WithoutSubscribe(std::string_view capabilities) {
  auto members = JsonMembers::Read(capabilities);
  const auto raw = members ? members->Get("resources") : std::nullopt;
  auto resources = raw ? JsonMembers::Read(*raw) : std::nullopt;
  if (!resources) return std::string(capabilities);
  resources->Remove({"subscribe"});
  members->Set("resources", resources->text());
  return std::move(*members).Take();
}

std::string MergeCapabilities(const std::vector<std::string>& capabilities, bool modern) {
  std::map<std::string, std::string, std::less<>> merged;  // by raw key
  for (const std::string& raw : capabilities) {
    od::parser parser;
    const simdjson::padded_string text(raw);
    od::document document;
    od::object object;
    if (parser.iterate(text).get(document) || document.get_object().get(object)) continue;
    for (auto field : object) {
      std::string_view key;
      std::string_view value;
      if (field.error() || field.unescaped_key().get(key)) break;
      const std::string name(key);
      od::object feature;  // a capability is one; anything else is left out
      if (field.value().get_object().get(feature) || feature.raw_json().get(value)) continue;
      if (name == (modern ? "tasks" : "extensions")) continue;
      const auto [at, is_new] = merged.emplace(jsonrpc::Quote(name), jsonrpc::TrimEnd(value));
      if (is_new) continue;
      at->second = name == "tasks" || name == "extensions"
                       ? Union(at->second, jsonrpc::TrimEnd(value))
                       : WithTrueOptions(at->second, jsonrpc::TrimEnd(value));
    }
  }
  if (merged.empty()) return R"({"tools":{}})";
  std::string out = "{";
  for (const auto& [key, value] : merged) {
    if (out.size() > 1) out += ',';
    out.append(key).append(":").append(value);
  }
  return out + "}";
}

std::string WithListChanges(std::string_view capabilities) {
  auto members = JsonMembers::Read(capabilities);
  if (!members) return std::string(capabilities);
  for (const std::string_view feature : {"tools", "resources", "prompts"}) {
    const auto raw = members->Get(feature);
    auto options = raw ? JsonMembers::Read(*raw) : std::nullopt;
    if (!options) continue;
    options->Set("listChanged", "true");
    members->Set(feature, options->text());
  }
  return std::move(*members).Take();
}

}  // namespace mcpbridge

#include "server/mcp/initialize.h"

#include <algorithm>
#include <array>

#include "server/base/version.h"
#include "server/jsonrpc/message.h"

namespace mcpbridge {
namespace {

namespace od = simdjson::ondemand;

constexpr std::array<std::string_view, 4> kLegacyVersions = {"2024-11-05", "2025-03-26",
                                                             "2025-06-18", kNewestLegacyVersion};

std::string Implementation() {
  return std::string(R"({"name":"mcp-bridge","title":"mcp-bridge","version":")")
      .append(kVersion)
      .append("\"}");
}

Error Malformed(const std::string& what) {
  return Error{.reason = Reason::kUpstreamProtocol,
               .message = "the server's answer to initialize " + what};
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

}  // namespace

bool IsLegacyVersion(std::string_view version) {
  return std::find(kLegacyVersions.begin(), kLegacyVersions.end(), version) !=
         kLegacyVersions.end();
}

std::string InitializeParams() {
  // No capabilities: what a caller could do for a server can't be promised on its behalf.
  return std::string(R"({"protocolVersion":")")
      .append(kNewestLegacyVersion)
      .append(R"(","capabilities":{},"clientInfo":)")
      .append(Implementation())
      .append("}");
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
    result.server_name = TextOf(inner.find_field_unordered("name"));
    result.server_version = TextOf(inner.find_field_unordered("version"));
  }
  result.has_tools = true;
  if (!object.find_field_unordered("capabilities").get_object().get(inner) &&
      !ReadCapabilities(inner, result)) {
    return Malformed("has capabilities that are not valid JSON");
  }
  return result;
}

std::string InitializeAnswer(std::string_view requested) {
  return std::string(R"({"protocolVersion":")")
      .append(IsLegacyVersion(requested) ? requested : kNewestLegacyVersion)
      .append(R"(","capabilities":{"tools":{}},"serverInfo":)")
      .append(Implementation())
      .append("}");
}

}  // namespace mcpbridge

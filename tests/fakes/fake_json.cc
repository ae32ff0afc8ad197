#include "tests/fakes/fake_json.h"

#include <simdjson.h>

#include <cstdio>
#include <utility>

namespace mcpbridge {
namespace {

namespace ondemand = simdjson::ondemand;

std::string RawText(ondemand::value value) {
  std::string_view raw;
  ondemand::json_type type{};
  if (value.type().get(type) != simdjson::SUCCESS) return {};
  if (type == ondemand::json_type::object) {
    ondemand::object object;
    if (value.get_object().get(object) != simdjson::SUCCESS) return {};
    if (object.raw_json().get(raw) != simdjson::SUCCESS) return {};
  } else if (type == ondemand::json_type::array) {
    ondemand::array array;
    if (value.get_array().get(array) != simdjson::SUCCESS) return {};
    if (array.raw_json().get(raw) != simdjson::SUCCESS) return {};
  } else {
    raw = value.raw_json_token();
  }
  return std::string(raw.substr(0, raw.find_last_not_of(" \t\r\n") + 1));
}

}  // namespace

std::map<std::string, std::string> JsonMembers(std::string_view json) {
  ondemand::parser parser;
  const simdjson::padded_string padded(json);
  ondemand::document document;
  ondemand::object object;
  std::map<std::string, std::string> members;
  if (parser.iterate(padded).get(document) != simdjson::SUCCESS) return {};
  if (document.get_object().get(object) != simdjson::SUCCESS) return {};
  for (auto&& next : object) {
    ondemand::field field;
    std::string_view name;
    if (std::move(next).get(field) != simdjson::SUCCESS) return {};
    if (field.unescaped_key().get(name) != simdjson::SUCCESS) return {};
    std::string key(name);
    members[std::move(key)] = RawText(field.value());
  }
  return members;
}

std::string JsonString(std::string_view raw) {
  ondemand::parser parser;
  const simdjson::padded_string padded(raw);
  ondemand::document document;
  std::string_view text;
  if (parser.iterate(padded).get(document) != simdjson::SUCCESS) return {};
  if (document.get_string().get(text) != simdjson::SUCCESS) return {};
  return std::string(text);
}

std::string JsonQuote(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(c));
      quoted += escape;
    } else {
      quoted += c;
    }
  }
  return quoted + '"';
}

std::string TextResult(std::string_view raw_text) {
  std::string result = R"({"content":[{"type":"text","text":)";
  return result.append(raw_text).append("}]}");
}

std::string ResultMessage(std::string_view id, std::string_view result) {
  std::string message = R"({"jsonrpc":"2.0","id":)";
  return message.append(id).append(R"(,"result":)").append(result).append("}");
}

}  // namespace mcpbridge

#include "examples/demo_server/rpc_reader.h"

#include <utility>

namespace mcpbridge::demo {
namespace {

namespace ondemand = simdjson::ondemand;

simdjson::padded_string_view Padded(std::string_view part) {
  return simdjson::padded_string_view(part.data(), part.size(),
                                      part.size() + simdjson::SIMDJSON_PADDING);
}

// simdjson's raw tokens reach up to the next structural character.
std::string_view Trim(std::string_view token) {
  const std::size_t end = token.find_last_not_of(" \t\r\n");
  return end == std::string_view::npos ? std::string_view() : token.substr(0, end + 1);
}

bool RawObject(ondemand::value value, std::string_view& raw) {
  ondemand::object object;
  return value.get_object().get(object) == simdjson::SUCCESS &&
         object.raw_json().get(raw) == simdjson::SUCCESS;
}

bool ScalarToken(ondemand::value value, std::string_view& raw) {
  ondemand::json_type type{};
  if (value.type().get(type) != simdjson::SUCCESS) return false;
  if (type != ondemand::json_type::string && type != ondemand::json_type::number) return false;
  raw = Trim(value.raw_json_token());
  return true;
}

bool ReadMember(ondemand::field& field, RpcMessage& message, bool& is_response) {
  const ondemand::raw_json_string key = field.key();
  ondemand::value value = field.value();
  if (key == "id") {
    ondemand::json_type type;
    if (value.type().get(type) != simdjson::SUCCESS) return false;
    if (type == ondemand::json_type::null) {
      bool null = false;
      message.id = "null";
      return value.is_null().get(null) == simdjson::SUCCESS && null;
    }
    return ScalarToken(value, message.id);
  }
  if (key == "method") return value.get_string().get(message.method) == simdjson::SUCCESS;
  if (key == "params") return RawObject(value, message.params);
  if (key == "result" || key == "error") is_response = true;
  return true;
}

// params._meta
bool ReadMeta(ondemand::value value, CallParams& call) {
  ondemand::object meta;
  if (value.get_object().get(meta) != simdjson::SUCCESS) return false;
  ondemand::value token;
  if (meta.find_field_unordered("progressToken").get(token) != simdjson::SUCCESS) return true;
  return ScalarToken(token, call.progress_token);
}

}  // namespace

void ReservePadding(std::string& text) {
  const std::size_t needed = text.size() + simdjson::SIMDJSON_PADDING;
  if (text.capacity() < needed) text.reserve(needed);
}

std::optional<ReadError> RpcReader::ReadMessage(const std::string& text, RpcMessage& message) {
  message = {};
  ondemand::document document;
  const simdjson::padded_string_view padded(text.data(), text.size(), text.capacity());
  if (message_parser_.iterate(padded).get(document) != simdjson::SUCCESS) {
    return ReadError::kInvalidJson;
  }
  ondemand::json_type type{};
  if (document.type().get(type) != simdjson::SUCCESS) return ReadError::kInvalidJson;
  if (type == ondemand::json_type::array) return ReadError::kInvalidRequest;
  ondemand::object object;
  if (document.get_object().get(object) != simdjson::SUCCESS) return ReadError::kInvalidJson;
  bool is_response = false;
  for (auto&& next : object) {
    ondemand::field field;
    if (std::move(next).get(field) != simdjson::SUCCESS) return ReadError::kInvalidJson;
    if (!ReadMember(field, message, is_response)) return ReadError::kInvalidRequest;
  }
  // Where there is a next token, the object was not all.
  if (document.current_location().error() == simdjson::SUCCESS) return ReadError::kInvalidJson;
  if (message.method.empty() && !is_response) return ReadError::kInvalidRequest;
  return std::nullopt;
}

std::optional<CallParams> RpcReader::ReadCallParams(std::string_view params) {
  CallParams call{.name = {}, .arguments = "{}", .progress_token = {}};
  ondemand::document document;
  ondemand::object object;
  if (params.empty() || params_parser_.iterate(Padded(params)).get(document) != simdjson::SUCCESS ||
      document.get_object().get(object) != simdjson::SUCCESS) {
    return std::nullopt;
  }
  for (auto&& next : object) {
    ondemand::field field;
    if (std::move(next).get(field) != simdjson::SUCCESS) return std::nullopt;
    const ondemand::raw_json_string key = field.key();
    ondemand::value value = field.value();
    if (key == "name" && value.get_string().get(call.name) != simdjson::SUCCESS)
      return std::nullopt;
    if (key == "arguments" && !RawObject(value, call.arguments)) return std::nullopt;
    if (key == "_meta" && !ReadMeta(value, call)) return std::nullopt;
  }
  if (call.name.empty()) return std::nullopt;
  return call;
}

namespace {

// Finds `member` of `object`; false if there is none.
bool Find(ondemand::parser& parser, std::string_view object, std::string_view member,
          ondemand::document& document, ondemand::value& value) {
  return !object.empty() && parser.iterate(Padded(object)).get(document) == simdjson::SUCCESS &&
         document.find_field_unordered(member).get(value) == simdjson::SUCCESS;
}

}  // namespace

std::optional<std::string_view> RpcReader::RawString(std::string_view object,
                                                     std::string_view member) {
  ondemand::document document;
  ondemand::value value;
  if (!Find(member_parser_, object, member, document, value)) return std::nullopt;
  const std::string_view raw = Trim(value.raw_json_token());
  std::string_view unescaped;  // only to check the escapes
  if (value.get_string().get(unescaped) != simdjson::SUCCESS) return std::nullopt;
  return raw;
}

std::optional<std::string_view> RpcReader::String(std::string_view object,
                                                  std::string_view member) {
  ondemand::document document;
  ondemand::value value;
  std::string_view text;
  if (!Find(member_parser_, object, member, document, value) ||
      value.get_string().get(text) != simdjson::SUCCESS) {
    return std::nullopt;
  }
  return text;
}

std::optional<std::int64_t> RpcReader::Integer(std::string_view object, std::string_view member) {
  ondemand::document document;
  ondemand::value value;
  std::int64_t number = 0;
  if (!Find(member_parser_, object, member, document, value) ||
      value.get_int64().get(number) != simdjson::SUCCESS) {
    return std::nullopt;
  }
  return number;
}

std::optional<double> RpcReader::Number(std::string_view object, std::string_view member) {
  ondemand::document document;
  ondemand::value value;
  double number = 0;
  if (!Find(member_parser_, object, member, document, value) ||
      value.get_double().get(number) != simdjson::SUCCESS) {
    return std::nullopt;
  }
  return number;
}

std::optional<std::string_view> RpcReader::RawScalar(std::string_view object,
                                                     std::string_view member) {
  ondemand::document document;
  ondemand::value value;
  std::string_view raw;
  if (!Find(member_parser_, object, member, document, value) || !ScalarToken(value, raw)) {
    return std::nullopt;
  }
  return raw;
}

}  // namespace mcpbridge::demo

#include "server/jsonrpc/message.h"

#include <optional>

namespace mcpbridge::jsonrpc {
namespace {

namespace od = simdjson::ondemand;

// Beyond this a parser's memory (about 5 bytes per byte of its largest document) is given back.
constexpr std::size_t kKeepCapacity = 1 << 20;
constexpr int kMaxDepth = 128;

Error InvalidJson(simdjson::error_code code) {
  return Error{.reason = Reason::kInvalidJson,
               .message = std::string("not valid JSON: ") + simdjson::error_message(code)};
}

// The raw text of `value`, which is stepped over. (simdjson's own ends where the next token
// begins.)
simdjson::simdjson_result<std::string_view> Raw(od::value value) {
  std::string_view raw;
  od::json_type type;
  if (auto error = value.type().get(type)) return error;
  if (type == od::json_type::object) {
    od::object object;
    if (auto error = value.get_object().get(object)) return error;
    if (auto error = object.raw_json().get(raw)) return error;
    return TrimEnd(raw);
  }
  if (type == od::json_type::array) {
    od::array array;
    if (auto error = value.get_array().get(array)) return error;
    if (auto error = array.raw_json().get(raw)) return error;
    return TrimEnd(raw);
  }
  return TrimEnd(value.raw_json_token());
}

// The members of a message, as far as they are known to JSON-RPC.
struct Members {
  std::optional<std::string_view> version;
  std::optional<std::string_view> id;
  bool id_is_valid = true;  // a string, an integer or null
  std::optional<std::string_view> method;
  std::optional<std::string_view> params;
  std::optional<std::string_view> result;
  std::optional<std::string_view> error;
};

bool IsValidId(std::string_view raw) {
  if (raw.empty()) return false;
  if (raw == "null" || raw.front() == '"') return true;
  const std::string_view digits = raw.front() == '-' ? raw.substr(1) : raw;
  return !digits.empty() && digits.find_first_not_of("0123456789") == std::string_view::npos;
}

// Puts `field`'s value where it belongs. False: that member was there before.
simdjson::error_code Take(od::field& field, Members& members, bool& duplicate) {
  std::string_view key;
  if (auto error = field.unescaped_key().get(key)) return error;
  std::optional<std::string_view>* slot = nullptr;
  if (key == "jsonrpc") slot = &members.version;
  if (key == "id") slot = &members.id;
  if (key == "method") slot = &members.method;
  if (key == "params") slot = &members.params;
  if (key == "result") slot = &members.result;
  if (key == "error") slot = &members.error;
  if (slot == nullptr) return simdjson::SUCCESS;
  if (slot->has_value()) duplicate = true;

  od::value value = field.value();
  od::json_type type;
  if (auto error = value.type().get(type)) return error;
  const bool is_text = slot == &members.version || slot == &members.method;
  if (is_text && type == od::json_type::string) {
    std::string_view text;
    if (auto error = value.get_string().get(text)) return error;
    *slot = text;
    return simdjson::SUCCESS;
  }
  std::string_view raw;
  if (auto error = Raw(value).get(raw)) return error;
  *slot = is_text ? std::string_view() : raw;  // not a string: reported as empty by Judge()
  if (slot == &members.id) {
    members.id_is_valid = IsValidId(raw);
    std::string_view text;
    if (type == od::json_type::string) return value.get_string().get(text);  // checks its escapes
  }
  return simdjson::SUCCESS;
}

Result<Message> Judge(const Members& members) {
  Message message;
  message.id = members.id.value_or("");
  message.method = members.method.value_or("");
  message.params = members.params.value_or("");
  message.result = members.result.value_or("");
  message.error = members.error.value_or("");
  if (members.version != "2.0") return InvalidRequest("\"jsonrpc\" must be \"2.0\"");
  if (!members.id_is_valid) return InvalidRequest("\"id\" must be a string or an integer");
  if (members.method.has_value()) {
    if (message.method.empty()) return InvalidRequest("\"method\" must be a non-empty string");
    if (members.result || members.error) return InvalidRequest("a request has no result or error");
    if (members.id == "null") return InvalidRequest("\"id\" of a request must not be null");
    if (members.params && message.params.front() != '{') {
      return InvalidRequest("\"params\" must be an object");
    }
    message.kind = members.id ? Kind::kRequest : Kind::kNotification;
    return message;
  }
  if (members.result.has_value() == members.error.has_value()) {
    return InvalidRequest("neither a request (no \"method\") nor a response");
  }
  message.kind = members.result ? Kind::kResult : Kind::kError;
  return message;
}

}  // namespace

bool IsArray(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && text[first] == '[';
}

std::string_view TrimEnd(std::string_view text) {
  const std::size_t end = text.find_last_not_of(" \t\r\n");
  return end == std::string_view::npos ? std::string_view() : text.substr(0, end + 1);
}

od::parser& Parser::Get() {
  if (parser_ == nullptr) parser_ = std::make_unique<od::parser>();
  return *parser_;
}

void Parser::Trim() {
  if (parser_ != nullptr && parser_->capacity() > kKeepCapacity) parser_.reset();
}

Result<Message> Parse(Parser& parser, Text& text, std::string_view* id_seen) {
  if (IsArray(text.view())) return InvalidRequest("a batch (JSON array) is of MCP 2025-03-26 only");
  od::document& document = parser.document();
  if (auto error = parser.Get().iterate(text.Padded()).get(document)) return InvalidJson(error);
  od::json_type type;
  if (auto error = document.type().get(type)) return InvalidJson(error);
  if (type != od::json_type::object) return InvalidRequest("a message must be a JSON object");
  od::object object;
  if (auto error = document.get_object().get(object)) return InvalidJson(error);
  Members members;
  bool duplicate = false;
  for (auto field : object) {
    if (field.error() != simdjson::SUCCESS) return InvalidJson(field.error());
    if (auto error = Take(field.value_unsafe(), members, duplicate)) return InvalidJson(error);
  }
  if (document.current_location().error() != simdjson::OUT_OF_BOUNDS) {
    return InvalidJson(simdjson::TRAILING_CONTENT);
  }
  if (id_seen != nullptr && members.id && members.id_is_valid) *id_seen = *members.id;
  if (duplicate) return InvalidRequest("a member of the message occurs twice");
  Result<Message> message = Judge(members);
  if (message) message->document = &document;
  return message;
}

simdjson::simdjson_result<od::value> ResultValue(Message& message) {
  message.document->rewind();
  return message.document->find_field_unordered("result");
}

simdjson::simdjson_result<od::value> ParamsValue(Message& message) {
  message.document->rewind();
  return message.document->find_field_unordered("params");
}

bool Validate(od::value value, int depth) {
  od::json_type type;
  if (depth > kMaxDepth || value.type().get(type)) return false;
  switch (type) {
    case od::json_type::object: {
      od::object object;
      if (value.get_object().get(object)) return false;
      for (auto field : object) {
        std::string_view key;
        if (field.error() || field.unescaped_key().get(key)) return false;
        if (!Validate(field.value_unsafe().value(), depth + 1)) return false;
      }
      return true;
    }
    case od::json_type::array: {
      od::array array;
      if (value.get_array().get(array)) return false;
      for (auto element : array) {
        od::value inner;
        if (element.get(inner) || !Validate(inner, depth + 1)) return false;
      }
      return true;
    }
    case od::json_type::string: {
      std::string_view text;
      return !value.get_string().get(text);
    }
    case od::json_type::number: {
      // A number may be larger than any of ours: its form is what counts, not its value.
      od::number number;
      const auto error = value.get_number().get(number);
      return !error || IsJsonNumber(TrimEnd(value.raw_json_token()));
    }
    case od::json_type::boolean: {
      bool flag = false;
      return !value.get_bool().get(flag);
    }
    case od::json_type::null: {
      bool null = false;
      return !value.is_null().get(null) && null;
    }
  }
  return false;
}

bool IsJsonNumber(std::string_view text) {
  std::size_t at = 0;
  const auto digits = [&] {
    const std::size_t from = at;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9') ++at;
    return at - from;
  };
  if (at < text.size() && text[at] == '-') ++at;
  const std::size_t first = at;
  const std::size_t integer = digits();
  if (integer == 0 || (integer > 1 && text[first] == '0')) return false;
  if (at < text.size() && text[at] == '.') {
    ++at;
    if (digits() == 0) return false;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    if (digits() == 0) return false;
  }
  return at == text.size();
}

Error UpstreamErrorOf(std::string_view raw_error) {
  Error error{.reason = Reason::kUpstreamError, .message = "the server gave an error"};
  error.upstream.emplace();
  od::parser parser;
  simdjson::padded_string text(raw_error);
  od::document document;
  od::object object;
  if (parser.iterate(text).get(document) || document.get_object().get(object)) return error;
  for (auto field : object) {
    std::string_view key;
    if (field.error() || field.unescaped_key().get(key)) break;
    od::value value = field.value_unsafe().value();
    if (key == "code") {
      std::int64_t code = 0;
      if (!value.get_int64().get(code)) error.upstream->code = code;
    } else if (key == "message") {
      std::string_view message;
      if (!value.get_string().get(message)) error.message = message;
    } else if (key == "data") {
      std::string_view raw;
      if (!Raw(value).get(raw)) error.upstream->data = raw;
    }
  }
  return error;
}

void AppendQuoted(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  out.push_back('"');
  for (const char c : text) {
    switch (c) {
      case '"':
        out.append("\\\"");
        break;
      case '\\':
        out.append("\\\\");
        break;
      case '\n':
        out.append("\\n");
        break;
      case '\r':
        out.append("\\r");
        break;
      case '\t':
        out.append("\\t");
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          out.append("\\u00");
          out.push_back(kHex[(c >> 4) & 0xf]);
          out.push_back(kHex[c & 0xf]);
        } else {
          out.push_back(c);
        }
    }
  }
  out.push_back('"');
}

std::string Quote(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 2);
  AppendQuoted(out, text);
  return out;
}

namespace {

constexpr std::string_view kHead = R"({"jsonrpc":"2.0")";
constexpr std::string_view kId = R"(,"id":)";

void AppendHead(std::string& out, std::string_view id) {
  out.append(kHead);
  if (!id.empty()) out.append(kId).append(id);
}

}  // namespace

std::string ResultMessage(std::string_view id, std::string_view result) {
  static constexpr std::string_view kResult = R"(,"result":)";
  std::string out;
  out.reserve(kHead.size() + kId.size() + id.size() + kResult.size() + result.size() + 1);
  AppendHead(out, id);
  out.append(kResult).append(result).push_back('}');
  return out;
}

std::string RawErrorMessage(std::string_view id, std::string_view raw_error) {
  std::string out;
  AppendHead(out, id);
  out.append(R"(,"error":)").append(raw_error).push_back('}');
  return out;
}

std::string ErrorMessage(std::string_view id, const Error& error) {
  return ErrorMessage(id, error, InfoOf(error.reason).jsonrpc_code);
}

std::string ErrorMessage(std::string_view id, const Error& error, long long code) {
  const ReasonInfo& info = InfoOf(error.reason);
  std::string raw = R"({"code":)";
  raw += std::to_string(error.upstream ? error.upstream->code : code);
  raw += R"(,"message":)";
  AppendQuoted(raw, error.message);
  if (error.upstream) {
    if (!error.upstream->data.empty()) raw.append(R"(,"data":)").append(error.upstream->data);
  } else {
    raw += R"(,"data":{"reason":)";
    AppendQuoted(raw, info.name);
    for (const auto& [key, value] : error.metadata) {
      raw += ',';
      AppendQuoted(raw, key);
      raw += ':';
      AppendQuoted(raw, value);
    }
    for (const auto& [key, json] : error.raw_data) {
      raw += ',';
      AppendQuoted(raw, key);
      raw.append(":").append(json);
    }
    raw += '}';
  }
  raw += '}';
  return RawErrorMessage(id, raw);
}

std::string RequestMessage(std::string_view id, std::string_view method, std::string_view params) {
  static constexpr std::string_view kMethod = R"(,"method":)";
  static constexpr std::string_view kParams = R"(,"params":)";
  std::string out;
  out.reserve(kHead.size() + kId.size() + id.size() + kMethod.size() + method.size() +
              kParams.size() + params.size() + 4);
  AppendHead(out, id);
  out.append(kMethod);
  AppendQuoted(out, method);
  if (!params.empty()) out.append(kParams).append(params);
  out.push_back('}');
  return out;
}

}  // namespace mcpbridge::jsonrpc

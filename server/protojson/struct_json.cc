#include "server/protojson/struct_json.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <vector>

#include "server/jsonrpc/message.h"

namespace mcpbridge {
namespace {

namespace od = simdjson::ondemand;
using google::protobuf::ListValue;
using google::protobuf::Struct;
using google::protobuf::Value;

// Up to here a double holds every integer exactly.
constexpr double kExactIntegers = 9007199254740992.0;  // 2^53

bool AppendStruct(std::string& out, const Struct& value);

bool AppendNumber(std::string& out, double number) {
  if (!std::isfinite(number)) return false;
  char text[std::numeric_limits<double>::max_digits10 + 16];
  std::to_chars_result end{};
  // -0.0 is no integer of JSON's: it keeps its sign as a double.
  const bool integral = std::fabs(number) <= kExactIntegers && number == std::trunc(number) &&
                        !(number == 0 && std::signbit(number));
  if (integral) {
    end = std::to_chars(std::begin(text), std::end(text), static_cast<long long>(number));
  } else {
    end = std::to_chars(std::begin(text), std::end(text), number);
  }
  out.append(text, end.ptr);
  return true;
}

bool AppendValue(std::string& out, const Value& value) {
  switch (value.kind_case()) {
    case Value::kNumberValue:
      return AppendNumber(out, value.number_value());
    case Value::kStringValue:
      jsonrpc::AppendQuoted(out, value.string_value());
      return true;
    case Value::kBoolValue:
      out += value.bool_value() ? "true" : "false";
      return true;
    case Value::kStructValue:
      return AppendStruct(out, value.struct_value());
    case Value::kListValue: {
      char separator = '[';
      for (const Value& element : value.list_value().values()) {
        out += separator;
        separator = ',';
        if (!AppendValue(out, element)) return false;
      }
      out += separator == '[' ? "[]" : "]";
      return true;
    }
    case Value::kNullValue:
    case Value::KIND_NOT_SET:
      out += "null";
      return true;
  }
  return false;
}

bool AppendStruct(std::string& out, const Struct& value) {
  using Member = google::protobuf::Map<std::string, Value>::value_type;
  std::vector<const Member*> members;
  members.reserve(value.fields().size());
  for (const Member& member : value.fields()) members.push_back(&member);
  std::ranges::sort(members, {},
                    [](const Member* member) { return std::string_view(member->first); });
  char separator = '{';
  for (const Member* member : members) {
    out += separator;
    separator = ',';
    jsonrpc::AppendQuoted(out, member->first);
    out += ':';
    if (!AppendValue(out, member->second)) return false;
  }
  out += separator == '{' ? "{}" : "}";
  return true;
}

// Whether `json`, a number, is an integer that `number` is not equal to.
bool IsInexact(od::value& json, double number) {
  std::int64_t integer = 0;
  if (!json.get_int64().get(integer)) {
    // Within this range the way back to an integer is defined.
    return std::fabs(number) > 9.2e18 || static_cast<std::int64_t>(number) != integer;
  }
  const std::string_view text = json.raw_json_token();
  return text.find_first_of(".eE") == text.npos && std::fabs(number) > kExactIntegers;
}

FromJson ArrayToList(od::value json, int depth, ListValue& out, Integers integers) {
  if (depth < 0) return FromJson::kTooDeep;
  od::array array;
  if (json.get_array().get(array)) return FromJson::kMalformed;
  for (auto element : array) {
    od::value value;
    if (element.get(value)) return FromJson::kMalformed;
    const FromJson done = JsonToValue(value, depth - 1, *out.add_values(), integers);
    if (done != FromJson::kDone) return done;
  }
  return FromJson::kDone;
}

}  // namespace

Result<std::string> StructToJson(const Struct& value) {
  std::string out;
  if (AppendStruct(out, value)) return out;
  return Error{.reason = Reason::kInvalidArguments,
               .message = "a number is NaN or infinite, which JSON can't say"};
}

FromJson ObjectToStruct(od::value json, int depth, Struct& out, Integers integers) {
  od::object object;
  if (json.get_object().get(object)) return FromJson::kMalformed;
  for (auto field : object) {
    std::string_view name;
    if (field.error() || field.unescaped_key().get(name)) return FromJson::kMalformed;
    // A member is a map entry that holds a Value: two messages.
    if (depth < 2) return FromJson::kTooDeep;
    Value& member = (*out.mutable_fields())[std::string(name)];
    member.Clear();  // where a name occurs twice, the last one counts
    const FromJson done = JsonToValue(field.value_unsafe().value(), depth - 2, member, integers);
    if (done != FromJson::kDone) return done;
  }
  return FromJson::kDone;
}

FromJson JsonToValue(od::value json, int depth, Value& out, Integers integers) {
  if (depth < 0) return FromJson::kTooDeep;
  od::json_type type;
  if (json.type().get(type)) return FromJson::kMalformed;
  switch (type) {
    case od::json_type::object:
      if (depth < 1) return FromJson::kTooDeep;
      return ObjectToStruct(json, depth - 1, *out.mutable_struct_value(), integers);
    case od::json_type::array:
      if (depth < 1) return FromJson::kTooDeep;
      return ArrayToList(json, depth - 1, *out.mutable_list_value(), integers);
    case od::json_type::string: {
      std::string_view text;
      if (json.get_string().get(text)) return FromJson::kMalformed;
      out.set_string_value(text.data(), text.size());
      return FromJson::kDone;
    }
    case od::json_type::number: {
      double number = 0;
      if (json.get_double().get(number)) return FromJson::kMalformed;
      if (integers == Integers::kExact && IsInexact(json, number)) return FromJson::kInexact;
      out.set_number_value(number);
      return FromJson::kDone;
    }
    case od::json_type::boolean: {
      bool flag = false;
      if (json.get_bool().get(flag)) return FromJson::kMalformed;
      out.set_bool_value(flag);
      return FromJson::kDone;
    }
    case od::json_type::null:
      if (bool null = false; json.is_null().get(null) || !null) return FromJson::kMalformed;
      out.set_null_value(google::protobuf::NULL_VALUE);
      return FromJson::kDone;
  }
  return FromJson::kMalformed;
}

FromJson TextToStruct(std::string_view json, Struct& out, Integers integers) {
  jsonrpc::Text text{std::string(json)};
  jsonrpc::Parser parser;
  od::value value;
  if (parser.Get().iterate(text.Padded()).get(parser.document()) ||
      parser.document().get_value().get(value)) {
    return FromJson::kMalformed;
  }
  return ObjectToStruct(value, kProtobufDepthLimit, out, integers);
}

}  // namespace mcpbridge

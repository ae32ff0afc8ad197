#pragma once

#include <google/protobuf/struct.pb.h>

#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

// Members of JSON objects as protobuf has them. Pure functions.
namespace mcpbridge {

// Reading: what is of another type than it should be is not there.

inline const google::protobuf::Value* FindMember(const google::protobuf::Struct& object,
                                                 const char* name) {
  const auto found = object.fields().find(name);
  return found == object.fields().end() ? nullptr : &found->second;
}

inline std::string TextOf(const google::protobuf::Struct& object, const char* name) {
  const google::protobuf::Value* value = FindMember(object, name);
  return value != nullptr ? value->string_value() : std::string();
}

inline const google::protobuf::Struct& ObjectOf(const google::protobuf::Struct& object,
                                                const char* name) {
  const google::protobuf::Value* value = FindMember(object, name);
  return value != nullptr ? value->struct_value() : google::protobuf::Struct::default_instance();
}

inline const google::protobuf::ListValue& ListOf(const google::protobuf::Struct& object,
                                                 const char* name) {
  const google::protobuf::Value* value = FindMember(object, name);
  return value != nullptr ? value->list_value() : google::protobuf::ListValue::default_instance();
}

inline std::optional<double> NumberOf(const google::protobuf::Struct& object, const char* name) {
  const google::protobuf::Value* value = FindMember(object, name);
  if (value == nullptr || !value->has_number_value()) return std::nullopt;
  return value->number_value();
}

// A number that fits into an Integer; what doesn't is not there.
template <class Integer>
std::optional<Integer> CountOf(const google::protobuf::Struct& object, const char* name) {
  const std::optional<double> number = NumberOf(object, name);
  if (!number || *number != std::trunc(*number)) return std::nullopt;
  // Doubles have no number between the largest Integer and this bound.
  const double bound = std::ldexp(1.0, std::numeric_limits<Integer>::digits);
  if (*number >= bound || *number < (std::numeric_limits<Integer>::is_signed ? -bound : 0)) {
    return std::nullopt;
  }
  return static_cast<Integer>(*number);
}

template <class Strings>
void AddStrings(const google::protobuf::ListValue& list, Strings& out) {
  for (const google::protobuf::Value& value : list.values())
    out.Add(std::string(value.string_value()));
}

// Setting members of an object.

inline google::protobuf::Value& Member(google::protobuf::Struct& object, const char* name) {
  return (*object.mutable_fields())[name];
}

inline void PutText(google::protobuf::Struct& object, const char* name, const std::string& text) {
  if (!text.empty()) Member(object, name).set_string_value(text);
}

inline google::protobuf::Struct& PutObject(google::protobuf::Struct& object, const char* name) {
  return *Member(object, name).mutable_struct_value();
}

inline google::protobuf::ListValue& PutList(google::protobuf::Struct& object, const char* name) {
  return *Member(object, name).mutable_list_value();
}

template <class Strings>
inline void PutTexts(google::protobuf::Struct& object, const char* name, const Strings& texts) {
  google::protobuf::ListValue& list = PutList(object, name);
  for (const std::string& text : texts) list.add_values()->set_string_value(text);
}

inline void PutNumber(google::protobuf::Struct& object, const char* name, double number) {
  Member(object, name).set_number_value(number);
}

}  // namespace mcpbridge

#include "server/protojson/google_form.h"

#include <cstdint>
#include <string>
#include <utility>

#include "server/protojson/struct_members.h"

namespace mcpbridge {
namespace {

using google::protobuf::ListValue;
using google::protobuf::Struct;
using google::protobuf::Value;

constexpr std::pair<const char*, gm::PrimitiveSchemaDefinition::StringSchema::Format> kFormats[] = {
    {"email", gm::PrimitiveSchemaDefinition::StringSchema::FORMAT_EMAIL},
    {"uri", gm::PrimitiveSchemaDefinition::StringSchema::FORMAT_URI},
    {"date", gm::PrimitiveSchemaDefinition::StringSchema::FORMAT_DATE},
    {"date-time", gm::PrimitiveSchemaDefinition::StringSchema::FORMAT_DATE_TIME}};

template <class Schema>
void ReadNames(const Struct& json, Schema& out) {
  out.set_title(TextOf(json, "title"));
  out.set_description(TextOf(json, "description"));
}

template <class Schema>
void PutNames(const Schema& schema, Struct& json) {
  PutText(json, "title", schema.title());
  PutText(json, "description", schema.description());
}

void ReadString(const Struct& json, gm::PrimitiveSchemaDefinition::StringSchema& out) {
  ReadNames(json, out);
  if (const auto length = CountOf<std::uint64_t>(json, "minLength")) out.set_min_length(*length);
  if (const auto length = CountOf<std::uint64_t>(json, "maxLength")) out.set_max_length(*length);
  for (const auto& [name, format] : kFormats) {
    if (TextOf(json, "format") == name) out.set_format(format);
  }
  if (FindMember(json, "default") != nullptr) out.set_default_value(TextOf(json, "default"));
}

void PutString(const gm::PrimitiveSchemaDefinition::StringSchema& schema, Struct& json) {
  PutText(json, "type", "string");
  PutNames(schema, json);
  if (schema.has_min_length()) {
    PutNumber(json, "minLength", static_cast<double>(schema.min_length()));
  }
  if (schema.has_max_length()) {
    PutNumber(json, "maxLength", static_cast<double>(schema.max_length()));
  }
  for (const auto& [name, format] : kFormats) {
    if (schema.format() == format) PutText(json, "format", name);
  }
  if (schema.has_default_value()) Member(json, "default").set_string_value(schema.default_value());
}

void ReadNumber(const Struct& json, bool whole, gm::PrimitiveSchemaDefinition::NumberSchema& out) {
  ReadNames(json, out);
  if (whole) {
    auto& range = *out.mutable_integer_range();  // also without bounds: it says that it is whole
    if (const auto least = CountOf<std::int64_t>(json, "minimum")) range.set_minimum(*least);
    if (const auto most = CountOf<std::int64_t>(json, "maximum")) range.set_maximum(*most);
    if (const auto is = CountOf<std::int64_t>(json, "default")) out.set_default_integer(*is);
    return;
  }
  if (const auto least = NumberOf(json, "minimum")) {
    out.mutable_double_range()->set_minimum(*least);
  }
  if (const auto most = NumberOf(json, "maximum")) out.mutable_double_range()->set_maximum(*most);
  if (const auto is = NumberOf(json, "default")) out.set_default_number(*is);
}

template <class Range>
void PutRange(const Range& range, Struct& json) {
  if (range.has_minimum()) PutNumber(json, "minimum", static_cast<double>(range.minimum()));
  if (range.has_maximum()) PutNumber(json, "maximum", static_cast<double>(range.maximum()));
}

void PutNumberSchema(const gm::PrimitiveSchemaDefinition::NumberSchema& schema, Struct& json) {
  const bool whole = schema.has_integer_range() || schema.has_default_integer();
  PutText(json, "type", whole ? "integer" : "number");
  PutNames(schema, json);
  if (schema.minimum() != 0) PutNumber(json, "minimum", static_cast<double>(schema.minimum()));
  if (schema.maximum() != 0) PutNumber(json, "maximum", static_cast<double>(schema.maximum()));
  PutRange(schema.double_range(), json);
  PutRange(schema.integer_range(), json);
  if (schema.has_default_number()) PutNumber(json, "default", schema.default_number());
  if (schema.has_default_integer()) {
    PutNumber(json, "default", static_cast<double>(schema.default_integer()));
  }
}

// What there is to choose from: {"enum":[...]} with or without names, or a list of
// {"const":...,"title":...} under `titled`.
void ReadChoices(const Struct& json, const char* titled,
                 gm::PrimitiveSchemaDefinition::EnumSchema& out) {
  AddStrings(ListOf(json, "enum"), *out.mutable_enum_list());
  AddStrings(ListOf(json, "enumNames"), *out.mutable_enum_names());
  for (const Value& choice : ListOf(json, titled).values()) {
    out.add_enum_list(TextOf(choice.struct_value(), "const"));
    out.add_enum_names(TextOf(choice.struct_value(), "title"));
  }
}

void PutChoices(const gm::PrimitiveSchemaDefinition::EnumSchema& schema, const char* titled,
                Struct& json) {
  if (schema.enum_names_size() != schema.enum_list_size() || schema.enum_names().empty()) {
    PutTexts(json, "enum", schema.enum_list());
    return;
  }
  ListValue& choices = PutList(json, titled);
  for (int i = 0; i < schema.enum_list_size(); ++i) {
    Struct& choice = *choices.add_values()->mutable_struct_value();
    Member(choice, "const").set_string_value(schema.enum_list(i));
    Member(choice, "title").set_string_value(schema.enum_names(i));
  }
}

void ReadSeveral(const Struct& json, gm::PrimitiveSchemaDefinition::EnumSchema& out) {
  ReadNames(json, out);
  ReadChoices(ObjectOf(json, "items"), "anyOf", out);
  auto& several = *out.mutable_multi_select();
  AddStrings(ListOf(json, "default"), *several.mutable_default_items());
  if (const auto least = CountOf<std::uint32_t>(json, "minItems")) several.set_min_items(*least);
  if (const auto most = CountOf<std::uint32_t>(json, "maxItems")) several.set_max_items(*most);
}

void PutEnum(const gm::PrimitiveSchemaDefinition::EnumSchema& schema, Struct& json) {
  PutNames(schema, json);
  if (!schema.has_multi_select()) {
    PutText(json, "type", "string");
    PutChoices(schema, "oneOf", json);
    if (schema.single_select().has_default_item()) {
      Member(json, "default").set_string_value(schema.single_select().default_item());
    }
    return;
  }
  const auto& several = schema.multi_select();
  PutText(json, "type", "array");
  Struct& items = PutObject(json, "items");
  if (schema.enum_names().empty()) PutText(items, "type", "string");
  PutChoices(schema, "anyOf", items);
  if (several.has_min_items()) PutNumber(json, "minItems", several.min_items());
  if (several.has_max_items()) PutNumber(json, "maxItems", several.max_items());
  if (!several.default_items().empty()) PutTexts(json, "default", several.default_items());
}

}  // namespace

bool ReadField(const Struct& json, gm::PrimitiveSchemaDefinition& out) {
  const std::string type = TextOf(json, "type");
  if (type == "array") {
    ReadSeveral(json, *out.mutable_enum_schema());
  } else if (type == "string" &&
             (FindMember(json, "enum") != nullptr || FindMember(json, "oneOf") != nullptr)) {
    auto& choice = *out.mutable_enum_schema();
    ReadNames(json, choice);
    ReadChoices(json, "oneOf", choice);
    choice.mutable_single_select();
    if (FindMember(json, "default") != nullptr) {
      choice.mutable_single_select()->set_default_item(TextOf(json, "default"));
    }
  } else if (type == "string") {
    ReadString(json, *out.mutable_string_schema());
  } else if (type == "number" || type == "integer") {
    ReadNumber(json, type == "integer", *out.mutable_number_schema());
  } else if (type == "boolean") {
    ReadNames(json, *out.mutable_boolean_schema());
    const Value* is = FindMember(json, "default");
    out.mutable_boolean_schema()->set_default_(is != nullptr && is->bool_value());
  } else {
    return false;
  }
  return true;
}

bool PutField(const gm::PrimitiveSchemaDefinition& schema, Struct& json) {
  if (schema.has_string_schema()) {
    PutString(schema.string_schema(), json);
  } else if (schema.has_number_schema()) {
    PutNumberSchema(schema.number_schema(), json);
  } else if (schema.has_boolean_schema()) {
    PutText(json, "type", "boolean");
    PutNames(schema.boolean_schema(), json);
    if (schema.boolean_schema().default_()) Member(json, "default").set_bool_value(true);
  } else if (schema.has_enum_schema()) {
    PutEnum(schema.enum_schema(), json);
  } else {
    return false;
  }
  return true;
}

}  // namespace mcpbridge

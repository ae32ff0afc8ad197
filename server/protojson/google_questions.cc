#include "server/protojson/google_questions.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "server/protojson/base64.h"

namespace mcpbridge {
namespace {

using google::protobuf::ListValue;
using google::protobuf::Struct;
using google::protobuf::Value;

// ---- Reading Structs. What is of another type than it should be is not there.

const Value* Find(const Struct& object, const char* name) {
  const auto found = object.fields().find(name);
  return found == object.fields().end() ? nullptr : &found->second;
}

std::string TextOf(const Struct& object, const char* name) {
  const Value* value = Find(object, name);
  return value != nullptr ? value->string_value() : std::string();
}

const Struct& ObjectOf(const Struct& object, const char* name) {
  const Value* value = Find(object, name);
  return value != nullptr ? value->struct_value() : Struct::default_instance();
}

const ListValue& ListOf(const Struct& object, const char* name) {
  const Value* value = Find(object, name);
  return value != nullptr ? value->list_value() : ListValue::default_instance();
}

std::optional<double> NumberOf(const Struct& object, const char* name) {
  const Value* value = Find(object, name);
  if (value == nullptr || !value->has_number_value()) return std::nullopt;
  return value->number_value();
}

// A number that fits into an Integer; what doesn't is not there.
template <class Integer>
std::optional<Integer> CountOf(const Struct& object, const char* name) {
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
void AddStrings(const ListValue& list, Strings& out) {
  for (const Value& value : list.values()) out.Add(std::string(value.string_value()));
}

// ---- Writing Structs.

Value& Member(Struct& object, const char* name) { return (*object.mutable_fields())[name]; }

void PutText(Struct& object, const char* name, const std::string& text) {
  if (!text.empty()) Member(object, name).set_string_value(text);
}

Struct& PutObject(Struct& object, const char* name) {
  return *Member(object, name).mutable_struct_value();
}

ListValue& PutList(Struct& object, const char* name) {
  return *Member(object, name).mutable_list_value();
}

template <class Strings>
void PutTexts(Struct& object, const char* name, const Strings& texts) {
  ListValue& list = PutList(object, name);
  for (const std::string& text : texts) list.add_values()->set_string_value(text);
}

void PutNumber(Struct& object, const char* name, double number) {
  Member(object, name).set_number_value(number);
}

// ---- The fields of a form.

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
  if (Find(json, "default") != nullptr) out.set_default_value(TextOf(json, "default"));
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

bool ReadField(const Struct& json, gm::PrimitiveSchemaDefinition& out) {
  const std::string type = TextOf(json, "type");
  if (type == "array") {
    ReadSeveral(json, *out.mutable_enum_schema());
  } else if (type == "string" &&
             (Find(json, "enum") != nullptr || Find(json, "oneOf") != nullptr)) {
    auto& choice = *out.mutable_enum_schema();
    ReadNames(json, choice);
    ReadChoices(json, "oneOf", choice);
    choice.mutable_single_select();
    if (Find(json, "default") != nullptr) {
      choice.mutable_single_select()->set_default_item(TextOf(json, "default"));
    }
  } else if (type == "string") {
    ReadString(json, *out.mutable_string_schema());
  } else if (type == "number" || type == "integer") {
    ReadNumber(json, type == "integer", *out.mutable_number_schema());
  } else if (type == "boolean") {
    ReadNames(json, *out.mutable_boolean_schema());
    const Value* is = Find(json, "default");
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

// ---- Questions.

bool ReadElicit(const Struct& params, gm::ElicitRequest& out) {
  out.set_message(TextOf(params, "message"));
  if (TextOf(params, "mode") == "url") {
    out.mutable_url_mode()->set_id(TextOf(params, "elicitationId"));
    out.mutable_url_mode()->set_url(TextOf(params, "url"));
    return true;
  }
  const Struct& form = ObjectOf(params, "requestedSchema");
  AddStrings(ListOf(form, "required"), *out.mutable_required_fields());
  for (const auto& [name, field] : ObjectOf(form, "properties").fields()) {
    if (!ReadField(field.struct_value(), (*out.mutable_requested_schema())[name])) return false;
  }
  return true;
}

bool PutElicit(const gm::ElicitRequest& question, Struct& params) {
  Member(params, "message").set_string_value(question.message());
  if (question.has_url_mode()) {
    PutText(params, "mode", "url");
    PutText(params, "elicitationId", question.url_mode().id());
    PutText(params, "url", question.url_mode().url());
    return true;
  }
  Struct& form = PutObject(params, "requestedSchema");
  PutText(form, "type", "object");
  Struct& properties = PutObject(form, "properties");
  for (const auto& [name, schema] : question.requested_schema()) {
    if (!PutField(schema, PutObject(properties, name.c_str()))) return false;
  }
  if (!question.required_fields().empty()) PutTexts(form, "required", question.required_fields());
  return true;
}

bool ReadBlob(const Struct& block, std::string& data, std::string& mime_type) {
  mime_type = TextOf(block, "mimeType");
  return DecodeBase64(TextOf(block, "data"), data);
}

bool ReadBlock(const Struct& block, gm::SamplingMessage& out) {
  const std::string type = TextOf(block, "type");
  if (type == "text") {
    out.mutable_text()->set_text(TextOf(block, "text"));
    return true;
  }
  if (type == "image") {
    return ReadBlob(block, *out.mutable_image()->mutable_data(),
                    *out.mutable_image()->mutable_mime_type());
  }
  return type == "audio" && ReadBlob(block, *out.mutable_audio()->mutable_data(),
                                     *out.mutable_audio()->mutable_mime_type());
}

// One of MCP's messages may have several blocks, each of which is one of theirs.
bool ReadMessage(const Struct& json, google::protobuf::RepeatedPtrField<gm::SamplingMessage>& out) {
  const gm::Role role = TextOf(json, "role") == "assistant" ? gm::ROLE_ASSISTANT : gm::ROLE_USER;
  const auto add = [&](const Value& block) {
    gm::SamplingMessage& message = *out.Add();
    message.set_role(role);
    return ReadBlock(block.struct_value(), message);
  };
  const Value* content = Find(json, "content");
  if (content == nullptr) return false;
  if (!content->has_list_value()) return add(*content);
  for (const Value& block : content->list_value().values()) {
    if (!add(block)) return false;
  }
  return true;
}

template <class Blob>
void PutBlob(const char* type, const Blob& blob, Struct& block) {
  PutText(block, "type", type);
  PutText(block, "mimeType", blob.mime_type());
  AppendBase64(*Member(block, "data").mutable_string_value(), blob.data());
}

bool PutMessage(const gm::SamplingMessage& message, Struct& json) {
  PutText(json, "role", message.role() == gm::ROLE_ASSISTANT ? "assistant" : "user");
  Struct& block = PutObject(json, "content");
  if (message.has_text()) {
    PutText(block, "type", "text");
    Member(block, "text").set_string_value(message.text().text());
  } else if (message.has_image()) {
    PutBlob("image", message.image(), block);
  } else if (message.has_audio()) {
    PutBlob("audio", message.audio(), block);
  } else {
    return false;
  }
  return true;
}

void ReadPreferences(const Struct& json, gm::SamplingCreateMessageRequest::ModelPreferences& out) {
  for (const Value& hint : ListOf(json, "hints").values()) {
    out.add_hints()->set_name(TextOf(hint.struct_value(), "name"));
  }
  if (const auto weight = NumberOf(json, "intelligencePriority")) {
    out.set_intelligence_priority(static_cast<float>(*weight));
  }
  if (const auto weight = NumberOf(json, "speedPriority")) {
    out.set_speed_priority(static_cast<float>(*weight));
  }
  if (const auto weight = NumberOf(json, "costPriority")) {
    out.set_cost_priority(static_cast<float>(*weight));
  }
}

void PutPreferences(const gm::SamplingCreateMessageRequest::ModelPreferences& from, Struct& json) {
  if (!from.hints().empty()) {
    ListValue& hints = PutList(json, "hints");
    for (const auto& hint : from.hints()) {
      PutText(*hints.add_values()->mutable_struct_value(), "name", hint.name());
    }
  }
  if (from.has_intelligence_priority()) {
    PutNumber(json, "intelligencePriority", from.intelligence_priority());
  }
  if (from.has_speed_priority()) PutNumber(json, "speedPriority", from.speed_priority());
  if (from.has_cost_priority()) PutNumber(json, "costPriority", from.cost_priority());
}

bool ReadSampling(const Struct& params, gm::SamplingCreateMessageRequest& out) {
  if (Find(params, "tools") != nullptr) return false;
  for (const Value& message : ListOf(params, "messages").values()) {
    if (!ReadMessage(message.struct_value(), *out.mutable_messages())) return false;
  }
  if (Find(params, "modelPreferences") != nullptr) {
    ReadPreferences(ObjectOf(params, "modelPreferences"), *out.mutable_model_preferences());
  }
  out.set_system_prompt(TextOf(params, "systemPrompt"));
  const std::string context = TextOf(params, "includeContext");
  if (context == "thisServer")
    out.set_include_context(gm::SamplingCreateMessageRequest::THIS_SERVER);
  if (context == "allServers")
    out.set_include_context(gm::SamplingCreateMessageRequest::ALL_SERVERS);
  if (const auto is = NumberOf(params, "temperature")) {
    out.set_temperature(static_cast<float>(*is));
  }
  out.set_max_tokens(CountOf<std::int32_t>(params, "maxTokens").value_or(0));
  AddStrings(ListOf(params, "stopSequences"), *out.mutable_stop_sequence());
  return true;
}

bool PutSampling(const gm::SamplingCreateMessageRequest& question, Struct& params) {
  ListValue& messages = PutList(params, "messages");
  for (const gm::SamplingMessage& message : question.messages()) {
    if (!PutMessage(message, *messages.add_values()->mutable_struct_value())) return false;
  }
  if (question.has_model_preferences()) {
    PutPreferences(question.model_preferences(), PutObject(params, "modelPreferences"));
  }
  PutText(params, "systemPrompt", question.system_prompt());
  if (question.include_context() == gm::SamplingCreateMessageRequest::THIS_SERVER) {
    PutText(params, "includeContext", "thisServer");
  } else if (question.include_context() == gm::SamplingCreateMessageRequest::ALL_SERVERS) {
    PutText(params, "includeContext", "allServers");
  }
  if (question.has_temperature()) PutNumber(params, "temperature", question.temperature());
  PutNumber(params, "maxTokens", question.max_tokens());
  if (!question.stop_sequence().empty()) {
    PutTexts(params, "stopSequences", question.stop_sequence());
  }
  return true;
}

constexpr std::pair<const char*, gm::ElicitResult::Type> kActions[] = {
    {"accept", gm::ElicitResult::TYPE_ACCEPT},
    {"decline", gm::ElicitResult::TYPE_DECLINE},
    {"cancel", gm::ElicitResult::TYPE_CANCEL}};

bool ReadSampled(const Struct& answer, gm::SamplingCreateMessageResult& out) {
  google::protobuf::RepeatedPtrField<gm::SamplingMessage> messages;
  if (!ReadMessage(answer, messages) || messages.size() != 1) return false;
  out.mutable_message()->Swap(&messages[0]);
  out.set_model(TextOf(answer, "model"));
  out.set_stop_reason(TextOf(answer, "stopReason"));
  return true;
}

}  // namespace

bool ToGoogle(std::string_view method, const Struct& params, gm::InputRequest& out) {
  if (method == "elicitation/create") return ReadElicit(params, *out.mutable_elicit_request());
  if (method == "sampling/createMessage") {
    return ReadSampling(params, *out.mutable_sampling_create_message());
  }
  if (method == "roots/list") out.mutable_list_roots_request();
  return method == "roots/list";
}

std::optional<Struct> FromGoogle(const gm::InputRequest& question) {
  Struct out;
  if (question.has_elicit_request()) {
    PutText(out, "method", "elicitation/create");
    if (!PutElicit(question.elicit_request(), PutObject(out, "params"))) return std::nullopt;
  } else if (question.has_sampling_create_message()) {
    PutText(out, "method", "sampling/createMessage");
    if (!PutSampling(question.sampling_create_message(), PutObject(out, "params"))) {
      return std::nullopt;
    }
  } else if (question.has_list_roots_request()) {
    PutText(out, "method", "roots/list");
  } else {
    return std::nullopt;
  }
  return out;
}

bool ToGoogle(const Struct& answer, gm::InputResponse& out) {
  if (Find(answer, "roots") != nullptr) {
    for (const Value& root : ListOf(answer, "roots").values()) {
      auto& to = *out.mutable_root_list_result()->add_roots();
      to.set_uri(TextOf(root.struct_value(), "uri"));
      to.set_name(TextOf(root.struct_value(), "name"));
    }
    out.mutable_root_list_result();
    return true;
  }
  if (Find(answer, "action") == nullptr) {
    return ReadSampled(answer, *out.mutable_sampling_create_message_result());
  }
  for (const auto& [name, type] : kActions) {
    if (TextOf(answer, "action") == name) out.mutable_elicit_result()->set_type(type);
  }
  if (Find(answer, "content") != nullptr) {
    *out.mutable_elicit_result()->mutable_content() = ObjectOf(answer, "content");
  }
  return out.elicit_result().type() != gm::ElicitResult::UNKNOWN;
}

std::optional<Struct> FromGoogle(const gm::InputResponse& answer) {
  Struct out;
  if (answer.has_elicit_result()) {
    for (const auto& [name, type] : kActions) {
      if (answer.elicit_result().type() == type) PutText(out, "action", name);
    }
    if (answer.elicit_result().has_content()) {
      PutObject(out, "content") = answer.elicit_result().content();
    }
    if (Find(out, "action") == nullptr) return std::nullopt;
  } else if (answer.has_sampling_create_message_result()) {
    const auto& said = answer.sampling_create_message_result();
    if (!PutMessage(said.message(), out)) return std::nullopt;
    Member(out, "model").set_string_value(said.model());
    PutText(out, "stopReason", said.stop_reason());
  } else if (answer.has_root_list_result()) {
    ListValue& roots = PutList(out, "roots");
    for (const auto& root : answer.root_list_result().roots()) {
      Struct& to = *roots.add_values()->mutable_struct_value();
      Member(to, "uri").set_string_value(root.uri());
      PutText(to, "name", root.name());
    }
  } else {
    return std::nullopt;
  }
  return out;
}

}  // namespace mcpbridge

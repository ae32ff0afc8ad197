#include "server/protojson/google_questions.h"

#include <cstdint>
#include <utility>

#include "server/protojson/base64.h"
#include "server/protojson/google_form.h"
#include "server/protojson/struct_members.h"

namespace mcpbridge {
namespace {

using google::protobuf::ListValue;
using google::protobuf::Struct;
using google::protobuf::Value;

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
  const Value* content = FindMember(json, "content");
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
  if (FindMember(params, "tools") != nullptr) return false;
  for (const Value& message : ListOf(params, "messages").values()) {
    if (!ReadMessage(message.struct_value(), *out.mutable_messages())) return false;
  }
  if (FindMember(params, "modelPreferences") != nullptr) {
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
  if (FindMember(answer, "roots") != nullptr) {
    for (const Value& root : ListOf(answer, "roots").values()) {
      auto& to = *out.mutable_root_list_result()->add_roots();
      to.set_uri(TextOf(root.struct_value(), "uri"));
      to.set_name(TextOf(root.struct_value(), "name"));
    }
    out.mutable_root_list_result();
    return true;
  }
  if (FindMember(answer, "action") == nullptr) {
    return ReadSampled(answer, *out.mutable_sampling_create_message_result());
  }
  for (const auto& [name, type] : kActions) {
    if (TextOf(answer, "action") == name) out.mutable_elicit_result()->set_type(type);
  }
  if (FindMember(answer, "content") != nullptr) {
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
    if (FindMember(out, "action") == nullptr) return std::nullopt;
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

#include "client/messages.h"

#include <google/protobuf/util/json_util.h>

#include <utility>

namespace mcpbridge::client {
namespace {

// The JSON text of a Struct or Value; empty where it has none (a Value of no kind, a number that is
// not finite).
std::string JsonOf(const google::protobuf::Message& message) {
  std::string json;
  if (!google::protobuf::util::MessageToJsonString(message, &json).ok()) json.clear();
  return json;
}

// `_meta` of any of our messages.
template <class Message>
std::string MetaOf(const Message& message) {
  return message.has_meta() ? JsonOf(message.meta()) : std::string();
}

std::optional<Annotations> AnnotationsOf(const v1::Content& content) {
  if (!content.has_annotations()) return std::nullopt;
  const auto& from = content.annotations();
  Annotations to{.audience = {from.audience().begin(), from.audience().end()},
                 .priority = std::nullopt,
                 .last_modified = from.last_modified()};
  if (from.has_priority()) to.priority = from.priority();
  return to;
}

ResourceLink LinkOf(v1::ResourceLink&& from) {
  ResourceLink to{.uri = std::move(*from.mutable_uri()),
                  .name = std::move(*from.mutable_name()),
                  .title = std::move(*from.mutable_title()),
                  .description = std::move(*from.mutable_description()),
                  .mime_type = std::move(*from.mutable_mime_type()),
                  .size = std::nullopt};
  if (from.has_size()) to.size = from.size();
  return to;
}

EmbeddedResource ResourceOf(v1::EmbeddedResource&& from) {
  EmbeddedResource to{.uri = std::move(*from.mutable_uri()),
                      .mime_type = std::move(*from.mutable_mime_type()),
                      .is_text = from.has_text(),
                      .contents = {},
                      .meta_json = MetaOf(from)};
  if (from.has_text()) to.contents = std::move(*from.mutable_text());
  if (from.has_blob()) to.contents = std::move(*from.mutable_blob());
  return to;
}

Content ContentOf(v1::Content&& from) {
  Content to{
      .block = UnknownContent{}, .annotations = AnnotationsOf(from), .meta_json = MetaOf(from)};
  switch (from.kind_case()) {
    case v1::Content::kText:
      to.block = TextContent{std::move(*from.mutable_text()->mutable_text())};
      break;
    case v1::Content::kImage:
      to.block = ImageContent{.data = std::move(*from.mutable_image()->mutable_data()),
                              .mime_type = std::move(*from.mutable_image()->mutable_mime_type())};
      break;
    case v1::Content::kAudio:
      to.block = AudioContent{.data = std::move(*from.mutable_audio()->mutable_data()),
                              .mime_type = std::move(*from.mutable_audio()->mutable_mime_type())};
      break;
    case v1::Content::kResourceLink:
      to.block = LinkOf(std::move(*from.mutable_resource_link()));
      break;
    case v1::Content::kResource:
      to.block = ResourceOf(std::move(*from.mutable_resource()));
      break;
    case v1::Content::kUnknownJson:
      to.block = UnknownContent{std::move(*from.mutable_unknown_json())};
      break;
    case v1::Content::KIND_NOT_SET:
      break;
  }
  return to;
}

ToolAnnotations HintsOf(const v1::ToolAnnotations& from) {
  ToolAnnotations to;
  to.title = from.title();
  if (from.has_read_only_hint()) to.read_only_hint = from.read_only_hint();
  if (from.has_destructive_hint()) to.destructive_hint = from.destructive_hint();
  if (from.has_idempotent_hint()) to.idempotent_hint = from.idempotent_hint();
  if (from.has_open_world_hint()) to.open_world_hint = from.open_world_hint();
  return to;
}

Transport TransportOf(v1::Transport transport) {
  switch (transport) {
    case v1::TRANSPORT_HTTP:
      return Transport::kHttp;
    case v1::TRANSPORT_STDIO:
      return Transport::kStdio;
    case v1::TRANSPORT_SSE:
      return Transport::kSse;
    case v1::TRANSPORT_GRPC:
      return Transport::kGrpc;
    default:  // also what a newer bridge may send
      return Transport::kUnknown;
  }
}

Health HealthOf(v1::Health health) {
  switch (health) {
    case v1::HEALTH_CONNECTING:
      return Health::kConnecting;
    case v1::HEALTH_SERVING:
      return Health::kServing;
    case v1::HEALTH_NOT_SERVING:
      return Health::kNotServing;
    default:  // also what a newer bridge may send
      return Health::kUnknown;
  }
}

}  // namespace

Outcome<v1::CallToolRequest> MessageOf(const CallRequest& request) {
  v1::CallToolRequest message;
  message.set_server(request.server);
  message.set_name(request.tool);
  if (!request.arguments_json.empty()) message.set_arguments_json(request.arguments_json);
  if (request.exact_json) message.set_result_format(v1::RESULT_FORMAT_JSON);
  if (!request.meta_json.empty() &&
      !google::protobuf::util::JsonStringToMessage(request.meta_json, message.mutable_meta())
           .ok()) {
    return CallError{.code = StatusCode::kInvalidArgument,
                     .message = "meta_json is not the text of a JSON object"};
  }
  return message;
}

CallResult ResultOf(v1::CallToolResponse&& response) {
  CallResult result;
  result.content.reserve(static_cast<std::size_t>(response.content_size()));
  for (auto& content : *response.mutable_content()) {
    result.content.push_back(ContentOf(std::move(content)));
  }
  if (response.has_structured_content()) {
    result.structured_content_json = JsonOf(response.structured_content());
  }
  result.is_error = response.is_error();
  result.meta_json = MetaOf(response);
  result.result_json = std::move(*response.mutable_result_json());
  return result;
}

Progress ProgressOf(v1::Progress&& from) {
  Progress to{.progress = from.progress(),
              .total = std::nullopt,
              .message = std::move(*from.mutable_message())};
  if (from.has_total()) to.total = from.total();
  return to;
}

LogMessage LogMessageOf(v1::LogMessage&& from) {
  LogMessage to{.level = std::move(*from.mutable_level()),
                .logger = std::move(*from.mutable_logger()),
                .data_json = std::move(*from.mutable_data_json())};
  if (from.has_data()) to.data_json = JsonOf(from.data());
  return to;
}

Tool ToolOf(v1::Tool&& from) {
  Tool to{.name = std::move(*from.mutable_name()),
          .server = std::move(*from.mutable_server()),
          .title = std::move(*from.mutable_title()),
          .description = std::move(*from.mutable_description()),
          .input_schema_json = std::move(*from.mutable_input_schema_json()),
          .output_schema_json = std::move(*from.mutable_output_schema_json()),
          .annotations = std::nullopt,
          .meta_json = MetaOf(from)};
  if (from.has_annotations()) to.annotations = HintsOf(from.annotations());
  return to;
}

Server ServerOf(v1::Server&& from) {
  return {.name = std::move(*from.mutable_name()),
          .description = std::move(*from.mutable_description()),
          .transport = TransportOf(from.transport()),
          .health = HealthOf(from.health()),
          .protocol_version = std::move(*from.mutable_protocol_version()),
          .last_error = std::move(*from.mutable_last_error()),
          .server_name = std::move(*from.mutable_server_name()),
          .server_version = std::move(*from.mutable_server_version())};
}

}  // namespace mcpbridge::client

#include "server/frontend/grpc/google_messages.h"

#include <google/protobuf/util/json_util.h>

#include <string>
#include <utility>

#include "server/mcp/modern_meta.h"

namespace mcpbridge {
namespace {

using google::protobuf::Struct;

gm::Role RoleOf(const std::string& role) {
  if (role == "user") return gm::ROLE_USER;
  if (role == "assistant") return gm::ROLE_ASSISTANT;
  return gm::ROLE_UNKNOWN;
}

gm::Icon::Theme ThemeOf(const std::string& theme) {
  if (theme == "light") return gm::Icon::THEME_LIGHT;
  if (theme == "dark") return gm::Icon::THEME_DARK;
  return gm::Icon::THEME_UNSPECIFIED;
}

// Metadata of one of ours to one of theirs.
template <class From, class To>
void MoveMeta(From& from, To& to) {
  if (from.has_meta()) to.mutable_metadata()->Swap(from.mutable_meta());
}

template <class From, class To>
void MoveAnnotations(From& from, To& to) {
  if (!from.has_annotations()) return;
  const v1::Annotations& hints = from.annotations();
  gm::Annotations& out = *to.mutable_annotations();
  for (const std::string& role : hints.audience()) out.add_audience(RoleOf(role));
  if (hints.has_priority()) out.set_priority(static_cast<float>(hints.priority()));
  if (!hints.last_modified().empty()) out.set_last_modified(hints.last_modified());
}

template <class From, class To>
void MoveIcons(From& from, To& to) {
  for (v1::Icon& icon : *from.mutable_icons()) {
    gm::Icon& out = *to.add_icons();
    *out.mutable_src() = std::move(*icon.mutable_src());
    *out.mutable_mime_type() = std::move(*icon.mutable_mime_type());
    out.mutable_sizes()->Swap(icon.mutable_sizes());
    out.set_theme(ThemeOf(icon.theme()));
  }
}

void MoveBlob(v1::BlobContent& from, std::string& data, std::string& mime_type) {
  data = std::move(*from.mutable_data());
  mime_type = std::move(*from.mutable_mime_type());
}

void MoveContents(v1::EmbeddedResource& from, gm::ResourceContents& to) {
  *to.mutable_uri() = std::move(*from.mutable_uri());
  *to.mutable_mime_type() = std::move(*from.mutable_mime_type());
  if (from.has_text()) *to.mutable_text() = std::move(*from.mutable_text());
  if (from.has_blob()) *to.mutable_blob() = std::move(*from.mutable_blob());
  MoveMeta(from, to);
}

void MoveLink(v1::Content& block, gm::Resource& to) {
  v1::ResourceLink& link = *block.mutable_resource_link();
  *to.mutable_uri() = std::move(*link.mutable_uri());
  *to.mutable_name() = std::move(*link.mutable_name());
  *to.mutable_title() = std::move(*link.mutable_title());
  *to.mutable_description() = std::move(*link.mutable_description());
  *to.mutable_mime_type() = std::move(*link.mutable_mime_type());
  to.set_size(static_cast<std::uint64_t>(link.size()));
}

template <class To>
void MoveCommon(v1::Content& block, To& to) {
  MoveAnnotations(block, to);
  MoveMeta(block, to);
}

// A block of content, of a tool or in a prompt.
template <class To>
void MoveBlock(v1::Content& block, To& to) {
  switch (block.kind_case()) {
    case v1::Content::kText:
      *to.mutable_text()->mutable_text() = std::move(*block.mutable_text()->mutable_text());
      return MoveCommon(block, *to.mutable_text());
    case v1::Content::kImage:
      MoveBlob(*block.mutable_image(), *to.mutable_image()->mutable_data(),
               *to.mutable_image()->mutable_mime_type());
      return MoveCommon(block, *to.mutable_image());
    case v1::Content::kAudio:
      MoveBlob(*block.mutable_audio(), *to.mutable_audio()->mutable_data(),
               *to.mutable_audio()->mutable_mime_type());
      return MoveCommon(block, *to.mutable_audio());
    case v1::Content::kResourceLink:
      MoveLink(block, *to.mutable_resource_link());
      return MoveCommon(block, *to.mutable_resource_link());
    case v1::Content::kResource:
      MoveContents(*block.mutable_resource(), *to.mutable_embedded_resource()->mutable_contents());
      return MoveCommon(block, *to.mutable_embedded_resource());
    case v1::Content::kUnknownJson:
      *to.mutable_text()->mutable_text() = std::move(*block.mutable_unknown_json());
      return;
    case v1::Content::KIND_NOT_SET:
      return;
  }
}

// What every result has, and the questions of one that is none yet.
template <class From, class To>
std::optional<Error> MoveResult(From& from, To& to) {
  gm::ResponseFields& common = *to.mutable_common();
  common.set_result_type(gm::RESULT_TYPE_COMPLETE);
  MoveMeta(from, common);
  if constexpr (requires { from.input_required(); }) {
    if (!from.input_required()) return std::nullopt;
    common.set_result_type(gm::RESULT_TYPE_INPUT_REQUIRED);
    if (from.has_request_state()) common.set_request_state(from.request_state());
    for (const auto& [key, question] : from.input_requests()) {
      if (ToGoogle(question.method(), question.params(), (*common.mutable_input_requests())[key])) {
        continue;
      }
      return Error{.reason = Reason::kUpstreamProtocol,
                   .message = "the server's question " + key + " (" + question.method() +
                              ") can't be told to callers of this service: use mcpbridge.v1"};
    }
  }
  return std::nullopt;
}

// What every item of a list has.
template <class From, class To>
void MoveItem(From& from, To& to) {
  *to.mutable_title() = std::move(*from.mutable_title());
  *to.mutable_description() = std::move(*from.mutable_description());
  MoveIcons(from, to);
  MoveMeta(from, to);
}

void ParseSchema(const std::string& json, Struct& out) {
  if (!google::protobuf::util::JsonStringToMessage(json, &out).ok()) out.Clear();
}

// Theirs can't say that a hint is absent: then it has MCP's default.
void FillHints(const v1::ToolAnnotations& from, gm::ToolAnnotations& to) {
  to.set_title(from.title());
  to.set_read_only_hint(from.read_only_hint());
  to.set_destructive_hint(from.has_destructive_hint() ? from.destructive_hint() : true);
  to.set_idempotent_hint(from.idempotent_hint());
  to.set_open_world_hint(from.has_open_world_hint() ? from.open_world_hint() : true);
}

void MoveTool(v1::Tool& from, gm::Tool& to) {
  *to.mutable_name() = std::move(*from.mutable_name());
  ParseSchema(from.input_schema_json(), *to.mutable_input_schema());
  if (!from.output_schema_json().empty()) {
    ParseSchema(from.output_schema_json(), *to.mutable_output_schema());
  }
  if (from.has_annotations()) FillHints(from.annotations(), *to.mutable_annotations());
  MoveItem(from, to);
}

void MovePrompt(v1::Prompt& from, gm::Prompt& to) {
  *to.mutable_name() = std::move(*from.mutable_name());
  for (const v1::PromptArgument& argument : from.arguments()) {
    gm::Prompt::Argument& out = *to.add_arguments();
    out.set_name(argument.name());
    out.set_title(argument.title());
    out.set_description(argument.description());
    out.set_required(argument.required());
  }
  MoveItem(from, to);
}

// `_meta` of one of their requests, and the answers to questions, to one of ours.
template <class From, class To>
void CopyCommon(const From& from, To& to) {
  const gm::RequestFields& common = from.common();
  if (common.has_metadata()) *to.mutable_meta() = common.metadata();
  if constexpr (requires { to.client_capabilities(); }) {
    const auto& meta = common.metadata().fields();
    const auto capabilities = meta.find(std::string(kMetaCapabilities));
    if (capabilities != meta.end()) {
      *to.mutable_client_capabilities() = capabilities->second.struct_value();
    }
    if (common.has_request_state()) to.set_request_state(common.request_state());
    for (const auto& [key, answer] : common.input_responses()) {
      v1::InputResponse& out = (*to.mutable_input_responses())[key];  // without an answer: refused
      if (auto ours = FromGoogle(answer)) out.mutable_result()->Swap(&*ours);
    }
  }
}

}  // namespace

v1::CallToolRequest ToOurs(const gm::CallToolRequest& request) {
  v1::CallToolRequest ours;
  ours.set_name(request.request().name());
  if (request.request().has_arguments()) {
    *ours.mutable_arguments() = request.request().arguments();
  }
  CopyCommon(request, ours);
  return ours;
}

v1::ReadResourceRequest ToOurs(const gm::ReadResourceRequest& request) {
  v1::ReadResourceRequest ours;
  ours.set_uri(request.uri());
  CopyCommon(request, ours);
  return ours;
}

v1::GetPromptRequest ToOurs(const gm::GetPromptRequest& request) {
  v1::GetPromptRequest ours;
  ours.set_name(request.name());
  *ours.mutable_arguments() = request.arguments();
  CopyCommon(request, ours);
  return ours;
}

v1::CompleteRequest ToOurs(const gm::CompletionRequest& request) {
  v1::CompleteRequest ours;
  if (request.has_prompt_reference()) {
    ours.set_prompt(request.prompt_reference().name());
  } else if (request.has_resource_reference()) {
    ours.set_uri_template(request.resource_reference().uri());
  }
  ours.set_argument_name(request.argument().name());
  ours.set_argument_value(request.argument().value());
  *ours.mutable_known_arguments() = request.context().arguments();
  CopyCommon(request, ours);
  return ours;
}

std::optional<Error> ToTheirs(v1::CallToolResponse&& from, gm::CallToolResponse& to) {
  if (auto error = MoveResult(from, to)) return error;
  for (v1::Content& block : *from.mutable_content()) MoveBlock(block, *to.add_content());
  to.set_is_error(from.is_error());
  if (!from.has_structured_content()) return std::nullopt;
  google::protobuf::Value& value = *from.mutable_structured_content();
  if (value.has_struct_value()) {
    to.mutable_structured_content()->Swap(value.mutable_struct_value());
  } else {
    (*to.mutable_structured_content()->mutable_fields())["result"].Swap(&value);
  }
  return std::nullopt;
}

std::optional<Error> ToTheirs(v1::ReadResourceResponse&& from, gm::ReadResourceResponse& to) {
  if (auto error = MoveResult(from, to)) return error;
  for (v1::EmbeddedResource& contents : *from.mutable_contents()) {
    MoveContents(contents, *to.add_resource());
  }
  if (from.has_ttl()) *to.mutable_ttl() = from.ttl();
  to.set_cache_scope(static_cast<gm::CacheScope>(from.cache_scope()));  // the same numbers
  return std::nullopt;
}

std::optional<Error> ToTheirs(v1::GetPromptResponse&& from, gm::GetPromptResponse& to) {
  if (auto error = MoveResult(from, to)) return error;
  *to.mutable_description() = std::move(*from.mutable_description());
  for (v1::PromptMessage& message : *from.mutable_messages()) {
    gm::PromptMessage& out = *to.add_messages();
    out.set_role(RoleOf(message.role()));
    MoveBlock(*message.mutable_content(), out);
  }
  return std::nullopt;
}

std::optional<Error> ToTheirs(v1::CompleteResponse&& from, gm::CompletionResponse& to) {
  if (auto error = MoveResult(from, to)) return error;
  to.mutable_values()->Swap(from.mutable_values());
  if (from.has_total()) to.set_total_matches(from.total());
  to.set_has_more(from.has_more());
  return std::nullopt;
}

void ToTheirs(v1::ListToolsResponse&& from, gm::ListToolsResponse& to) {
  for (v1::Tool& tool : *from.mutable_tools()) MoveTool(tool, *to.add_tools());
}

void ToTheirs(v1::ListResourcesResponse&& from, gm::ListResourcesResponse& to) {
  for (v1::Resource& resource : *from.mutable_resources()) {
    gm::Resource& out = *to.add_resources();
    *out.mutable_uri() = std::move(*resource.mutable_uri());
    *out.mutable_name() = std::move(*resource.mutable_name());
    *out.mutable_mime_type() = std::move(*resource.mutable_mime_type());
    out.set_size(static_cast<std::uint64_t>(resource.size()));
    MoveAnnotations(resource, out);
    MoveItem(resource, out);
  }
}

void ToTheirs(v1::ListResourceTemplatesResponse&& from, gm::ListResourceTemplatesResponse& to) {
  for (v1::ResourceTemplate& one : *from.mutable_resource_templates()) {
    gm::ResourceTemplate& out = *to.add_resource_templates();
    *out.mutable_uri_template() = std::move(*one.mutable_uri_template());
    *out.mutable_name() = std::move(*one.mutable_name());
    *out.mutable_mime_type() = std::move(*one.mutable_mime_type());
    MoveAnnotations(one, out);
    MoveItem(one, out);
  }
}

void ToTheirs(v1::ListPromptsResponse&& from, gm::ListPromptsResponse& to) {
  for (v1::Prompt& prompt : *from.mutable_prompts()) MovePrompt(prompt, *to.add_prompts());
}

}  // namespace mcpbridge

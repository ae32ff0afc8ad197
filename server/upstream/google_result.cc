#include "server/upstream/google_result.h"

#include <model_context_protocol/mcp.pb.h>

#include <algorithm>
#include <charconv>
#include <vector>

#include "server/mcp/initialize.h"
#include "server/mcp/modern.h"
#include "server/mcp/modern_meta.h"
#include "server/protojson/base64.h"
#include "server/protojson/google_questions.h"
#include "server/protojson/json_writer.h"
#include "server/protojson/struct_json.h"

namespace mcpbridge {
namespace {

using google::protobuf::Struct;

Error Unreadable(std::string what) {
  return Error{.reason = Reason::kUpstreamProtocol,
               .message = "the server's response can't be read: " + std::move(what)};
}

// Writes one response as a result; the first thing wrong is kept.
class Writer {
 public:
  explicit Writer(BytesForm bytes) : bytes_(bytes) {}

  template <class Response>
  Result<std::string> Write(std::string_view method, const Response& response) {
    json_.BeginObject();
    const bool asks = Common(response.common());
    if (!asks) {
      Body(response);
      if constexpr (requires { response.ttl(); }) {
        if (IsCacheable(method)) Lifetime(response);
      }
    }
    json_.EndObject();
    if (error_) return *error_;
    return json_.Take();
  }

 private:
  // What every result has; whether it is a question.
  bool Common(const gm::ResponseFields& common) {
    const bool asks =
        common.result_type() == gm::RESULT_TYPE_INPUT_REQUIRED || !common.input_requests().empty();
    json_.Member("resultType", asks ? "input_required" : "complete");
    if (asks) Questions(common);
    if (common.metadata().fields().contains(std::string(kMetaServerInfo))) {
      Object("_meta", common.metadata());
      return asks;
    }
    json_.Key("_meta");
    json_.BeginObject();
    json_.RawMember(kMetaServerInfo, BridgeInfo());
    std::string rest = Text(common.metadata());
    if (rest.size() > 2) json_.Raw(std::string_view(rest).substr(1, rest.size() - 2));
    json_.EndObject();
    return asks;
  }

  void Questions(const gm::ResponseFields& common) {
    if (common.has_request_state()) json_.Member("requestState", common.request_state());
    std::vector<std::string_view> keys;
    for (const auto& [key, question] : common.input_requests()) keys.push_back(key);
    std::ranges::sort(keys);
    json_.Key("inputRequests");
    json_.BeginObject();
    for (const std::string_view key : keys) {
      const auto question = FromGoogle(common.input_requests().at(std::string(key)));
      if (!question) Fail("its question " + std::string(key) + " is of an unknown kind");
      json_.AnyKey(key);
      json_.Raw(question ? Text(*question) : "{}");
    }
    json_.EndObject();
  }

  template <class Response>
  void Lifetime(const Response& response) {
    const long long ms = response.ttl().seconds() * 1000 + response.ttl().nanos() / 1'000'000;
    json_.RawMember("ttlMs", std::to_string(std::max(ms, 0LL)));
    json_.Member("cacheScope",
                 response.cache_scope() == gm::CACHE_SCOPE_PUBLIC ? "public" : "private");
  }

  void Body(const gm::CallToolResponse& response) {
    json_.Key("content");
    json_.BeginArray();
    for (const auto& block : response.content()) Block(block);
    json_.EndArray();
    if (response.has_structured_content()) {
      Object("structuredContent", response.structured_content());
    }
    if (response.is_error()) json_.RawMember("isError", "true");
  }

  void Body(const gm::ReadResourceResponse& response) {
    json_.Key("contents");
    json_.BeginArray();
    for (const auto& contents : response.resource()) Contents(contents);
    json_.EndArray();
  }

  void Body(const gm::GetPromptResponse& response) {
    json_.MemberUnlessEmpty("description", response.description());
    json_.Key("messages");
    json_.BeginArray();
    for (const auto& message : response.messages()) {
      json_.BeginObject();
      json_.Member("role", message.role() == gm::ROLE_ASSISTANT ? "assistant" : "user");
      json_.Key("content");
      Block(message);
      json_.EndObject();
    }
    json_.EndArray();
  }

  void Body(const gm::CompletionResponse& response) {
    json_.Key("completion");
    json_.BeginObject();
    Strings("values", response.values());
    if (response.has_total_matches()) {
      json_.RawMember("total", std::to_string(response.total_matches()));
    }
    json_.RawMember("hasMore", response.has_more() ? "true" : "false");
    json_.EndObject();
  }

  void Body(const gm::ListToolsResponse& response) {
    List("tools", response.tools(), [this](const gm::Tool& tool) {
      Schema("inputSchema", tool.has_input_schema(), tool.input_schema());
      if (tool.has_output_schema()) Object("outputSchema", tool.output_schema());
      if (tool.has_annotations()) Hints(tool.annotations());
    });
  }

  void Body(const gm::ListResourcesResponse& response) {
    List("resources", response.resources(),
         [this](const gm::Resource& resource) { ResourceMembers(resource); });
  }

  void Body(const gm::ListResourceTemplatesResponse& response) {
    List("resourceTemplates", response.resource_templates(), [this](const auto& one) {
      json_.Member("uriTemplate", one.uri_template());
      json_.MemberUnlessEmpty("mimeType", one.mime_type());
      Annotations(one);
    });
  }

  void Body(const gm::ListPromptsResponse& response) {
    List("prompts", response.prompts(), [this](const gm::Prompt& prompt) {
      if (prompt.arguments().empty()) return;
      json_.Key("arguments");
      json_.BeginArray();
      for (const auto& argument : prompt.arguments()) {
        json_.BeginObject();
        json_.Member("name", argument.name());
        json_.MemberUnlessEmpty("title", argument.title());
        json_.MemberUnlessEmpty("description", argument.description());
        if (argument.required()) json_.RawMember("required", "true");
        json_.EndObject();
      }
      json_.EndArray();
    });
  }

  // A list of items, with what all kinds of them have and what `more` writes.
  template <class Items, class More>
  void List(std::string_view name, const Items& items, More more) {
    json_.Key(name);
    json_.BeginArray();
    for (const auto& item : items) {
      json_.BeginObject();
      ItemMembers(item);
      more(item);
      json_.EndObject();
    }
    json_.EndArray();
  }

  template <class Item>
  void ItemMembers(const Item& item) {
    json_.Member("name", item.name());
    json_.MemberUnlessEmpty("title", item.title());
    json_.MemberUnlessEmpty("description", item.description());
    if (!item.icons().empty()) Icons(item.icons());
    Meta(item);
  }

  template <class Items>
  void Icons(const Items& icons) {
    json_.Key("icons");
    json_.BeginArray();
    for (const gm::Icon& icon : icons) {
      json_.BeginObject();
      json_.Member("src", icon.src());
      json_.MemberUnlessEmpty("mimeType", icon.mime_type());
      if (!icon.sizes().empty()) Strings("sizes", icon.sizes());
      if (icon.theme() == gm::Icon::THEME_LIGHT) json_.Member("theme", "light");
      if (icon.theme() == gm::Icon::THEME_DARK) json_.Member("theme", "dark");
      json_.EndObject();
    }
    json_.EndArray();
  }

  // Theirs can't leave a hint out: where there are any, all are said.
  void Hints(const gm::ToolAnnotations& hints) {
    json_.Key("annotations");
    json_.BeginObject();
    json_.MemberUnlessEmpty("title", hints.title());
    json_.Key("readOnlyHint");
    json_.Bool(hints.read_only_hint());
    json_.Key("destructiveHint");
    json_.Bool(hints.destructive_hint());
    json_.Key("idempotentHint");
    json_.Bool(hints.idempotent_hint());
    json_.Key("openWorldHint");
    json_.Bool(hints.open_world_hint());
    json_.EndObject();
  }

  // What a resource has beside what all items have.
  void ResourceMembers(const gm::Resource& resource) {
    json_.Member("uri", resource.uri());
    json_.MemberUnlessEmpty("mimeType", resource.mime_type());
    if (resource.size() != 0) json_.RawMember("size", std::to_string(resource.size()));
    Annotations(resource);
  }

  // A block of content, of a tool or in a prompt.
  template <class From>
  void Block(const From& block) {
    json_.BeginObject();
    if (block.has_text()) {
      json_.Member("type", "text");
      json_.Member("text", block.text().text());
      Common(block.text());
    } else if (block.has_image()) {
      Blob("image", block.image());
    } else if (block.has_audio()) {
      Blob("audio", block.audio());
    } else if (block.has_embedded_resource()) {
      json_.Member("type", "resource");
      json_.Key("resource");
      Contents(block.embedded_resource().contents());
      Common(block.embedded_resource());
    } else if (block.has_resource_link()) {
      json_.Member("type", "resource_link");
      ItemMembers(block.resource_link());
      ResourceMembers(block.resource_link());
    } else {
      Fail("a block of its content is of an unknown kind");
    }
    json_.EndObject();
  }

  template <class From>
  void Common(const From& from) {
    Annotations(from);
    Meta(from);
  }

  template <class From>
  void Blob(std::string_view type, const From& blob) {
    json_.Member("type", type);
    Bytes("data", blob.data());
    json_.Member("mimeType", blob.mime_type());
    Common(blob);
  }

  void Contents(const gm::ResourceContents& contents) {
    json_.BeginObject();
    json_.Member("uri", contents.uri());
    json_.MemberUnlessEmpty("mimeType", contents.mime_type());
    if (!contents.blob().empty()) {
      Bytes("blob", contents.blob());
    } else {
      json_.Member("text", contents.text());
    }
    Meta(contents);
    json_.EndObject();
  }

  void Bytes(std::string_view name, const std::string& bytes) {
    json_.Key(name);
    if (std::string unused; bytes_ == BytesForm::kEither && DecodeBase64(bytes, unused)) {
      return json_.String(bytes);
    }
    std::string& text = json_.text();
    text += '"';
    AppendBase64(text, bytes);
    text += '"';
  }

  template <class From>
  void Annotations(const From& from) {
    if (!from.has_annotations()) return;
    const gm::Annotations& hints = from.annotations();
    json_.Key("annotations");
    json_.BeginObject();
    if (!hints.audience().empty()) {
      json_.Key("audience");
      json_.BeginArray();
      for (const int role : hints.audience()) {
        if (role == gm::ROLE_USER) json_.String("user");
        if (role == gm::ROLE_ASSISTANT) json_.String("assistant");
      }
      json_.EndArray();
    }
    if (hints.has_priority()) {
      char digits[32];
      const auto end = std::to_chars(std::begin(digits), std::end(digits), hints.priority());
      json_.RawMember("priority", std::string_view(digits, end.ptr));
    }
    if (hints.has_last_modified()) json_.Member("lastModified", hints.last_modified());
    json_.EndObject();
  }

  template <class From>
  void Meta(const From& from) {
    if (from.has_metadata()) Object("_meta", from.metadata());
  }

  // MCP wants a tool to have one.
  void Schema(std::string_view name, bool given, const Struct& schema) {
    if (given) {
      Object(name, schema);
    } else {
      json_.RawMember(name, R"({"type":"object"})");
    }
  }

  template <class Texts>
  void Strings(std::string_view name, const Texts& texts) {
    json_.Key(name);
    json_.BeginArray();
    for (const std::string& text : texts) json_.String(text);
    json_.EndArray();
  }

  void Object(std::string_view name, const Struct& object) { json_.RawMember(name, Text(object)); }

  std::string Text(const Struct& object) {
    Result<std::string> text = StructToJson(object);
    if (text) return *std::move(text);
    Fail("it has a number that JSON can't say");
    return "{}";
  }

  void Fail(std::string what) {
    if (!error_) error_ = Unreadable(std::move(what));
  }

  const BytesForm bytes_;
  JsonWriter json_;
  std::optional<Error> error_;
};

template <class Response>
Result<std::string> Translate(std::string_view method,
                              google::protobuf::io::ZeroCopyInputStream& body, BytesForm bytes) {
  Response response;
  if (!response.ParseFromZeroCopyStream(&body)) return Unreadable("it is not that message");
  return Writer(bytes).Write(method, response);
}

}  // namespace

Result<std::string> FromGoogleResponse(std::string_view method,
                                       google::protobuf::io::ZeroCopyInputStream& body,
                                       BytesForm bytes) {
  if (method == "tools/call") return Translate<gm::CallToolResponse>(method, body, bytes);
  if (method == "tools/list") return Translate<gm::ListToolsResponse>(method, body, bytes);
  if (method == "resources/list") return Translate<gm::ListResourcesResponse>(method, body, bytes);
  if (method == "resources/templates/list") {
    return Translate<gm::ListResourceTemplatesResponse>(method, body, bytes);
  }
  if (method == "resources/read") return Translate<gm::ReadResourceResponse>(method, body, bytes);
  if (method == "prompts/list") return Translate<gm::ListPromptsResponse>(method, body, bytes);
  if (method == "prompts/get") return Translate<gm::GetPromptResponse>(method, body, bytes);
  if (method == "completion/complete") {
    return Translate<gm::CompletionResponse>(method, body, bytes);
  }
  return Unreadable("nothing is known of " + std::string(method));
}

}  // namespace mcpbridge

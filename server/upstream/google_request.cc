#include "server/upstream/google_request.h"

#include <model_context_protocol/mcp.pb.h>

#include <optional>
#include <utility>

#include "server/mcp/header_value.h"
#include "server/protojson/google_questions.h"
#include "server/protojson/struct_json.h"

namespace mcpbridge {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;

Error Invalid(std::string message) {
  return Error{.reason = Reason::kInvalidArguments, .message = std::move(message)};
}

Value* Find(Struct& object, const char* name) {
  const auto found = object.mutable_fields()->find(name);
  return found == object.mutable_fields()->end() ? nullptr : &found->second;
}

std::string TextOf(Struct& object, const char* name) {
  const Value* value = Find(object, name);
  return value != nullptr ? value->string_value() : std::string();
}

// Reads params of one request into its message; the first thing wrong is kept.
class Reader {
 public:
  explicit Reader(Struct& params) : params_(params) {}

  const std::optional<Error>& error() const { return error_; }

  // What every request may have.
  void Common(gm::RequestFields& out) {
    if (Value* meta = Find(params_, "_meta"); meta != nullptr && meta->has_struct_value()) {
      meta->mutable_struct_value()->mutable_fields()->erase("progressToken");
      if (!meta->struct_value().fields().empty()) {
        out.mutable_metadata()->Swap(meta->mutable_struct_value());
      }
    }
    if (Value* state = Find(params_, "requestState")) {
      *out.mutable_request_state() = std::move(*state->mutable_string_value());
    }
    Value* answers = Find(params_, "inputResponses");
    if (answers == nullptr) return;
    for (const auto& [key, answer] : answers->struct_value().fields()) {
      if (!ToGoogle(answer.struct_value(), (*out.mutable_input_responses())[key])) {
        Fail("the answer to the server's question \"" + key +
             "\" is none that can be told over gRPC");
      }
    }
  }

  void Read(gm::CallToolRequest& out) {
    auto& call = *out.mutable_request();
    call.set_name(TextOf(params_, "name"));
    if (Value* arguments = Find(params_, "arguments")) {
      call.mutable_arguments()->Swap(arguments->mutable_struct_value());
    }
  }

  void Read(gm::ReadResourceRequest& out) { out.set_uri(TextOf(params_, "uri")); }

  void Read(gm::GetPromptRequest& out) {
    out.set_name(TextOf(params_, "name"));
    Strings(params_, *out.mutable_arguments());
  }

  void Read(gm::CompletionRequest& out) {
    if (Value* ref = Find(params_, "ref")) {
      Struct& to = *ref->mutable_struct_value();
      if (TextOf(to, "type") == "ref/prompt") {
        out.mutable_prompt_reference()->set_name(TextOf(to, "name"));
        out.mutable_prompt_reference()->set_title(TextOf(to, "title"));
      } else {
        out.mutable_resource_reference()->set_uri(TextOf(to, "uri"));
      }
    }
    if (Value* argument = Find(params_, "argument")) {
      Struct& typed = *argument->mutable_struct_value();
      out.mutable_argument()->set_name(TextOf(typed, "name"));
      out.mutable_argument()->set_value(TextOf(typed, "value"));
    }
    if (Value* context = Find(params_, "context")) {
      Strings(*context->mutable_struct_value(), *out.mutable_context()->mutable_arguments());
    }
  }

  template <class ListRequest>
  void Read(ListRequest&) {}

 private:
  void Strings(Struct& object, google::protobuf::Map<std::string, std::string>& out) {
    Value* arguments = Find(object, "arguments");
    if (arguments == nullptr) return;
    for (auto& [name, value] : *arguments->mutable_struct_value()->mutable_fields()) {
      if (!value.has_string_value()) Fail("the argument \"" + name + "\" must be a string");
      out[name] = value.string_value();
    }
  }

  void Fail(std::string message) {
    if (!error_) error_ = Invalid(std::move(message));
  }

  Struct& params_;
  std::optional<Error> error_;
};

template <class Request>
Result<GoogleRequest> Make(const char* rpc, Struct& params, const char* header = "",
                           const std::string& about = "") {
  Request request;
  Reader reader(params);
  reader.Common(*request.mutable_common());
  reader.Read(request);
  if (reader.error()) return *reader.error();
  return GoogleRequest{.path = std::string("/model_context_protocol.Mcp/") + rpc,
                       .body = request.SerializeAsString(),
                       .header = about.empty() ? "" : header,
                       .header_value = EncodeHeaderValue(about)};
}

std::optional<Error> ReadParams(std::string_view raw, Struct& params) {
  if (raw.empty()) return std::nullopt;
  switch (TextToStruct(raw, params, Integers::kExact)) {
    case FromJson::kDone:
      return std::nullopt;
    case FromJson::kMalformed:
      return Invalid("params can't be told over gRPC: they are malformed");
    case FromJson::kTooDeep:
      return Invalid("params are nested deeper than the server's protobuf readers go");
    case FromJson::kInexact:
      return Invalid(
          "params have an integer beyond 2^53, which the server's transport would round: send it "
          "as a string, if the tool takes that");
  }
  return std::nullopt;
}

}  // namespace

Result<GoogleRequest> ToGoogleRequest(std::string_view method, std::string_view raw_params) {
  Struct params;
  if (auto error = ReadParams(raw_params, params)) return *std::move(error);
  if (method == "tools/call") {
    return Make<gm::CallToolRequest>("CallTool", params, "mcp_tool", TextOf(params, "name"));
  }
  if (method == "tools/list") return Make<gm::ListToolsRequest>("ListTools", params);
  if (method == "resources/list") return Make<gm::ListResourcesRequest>("ListResources", params);
  if (method == "resources/templates/list") {
    return Make<gm::ListResourceTemplatesRequest>("ListResourceTemplates", params);
  }
  if (method == "resources/read") {
    return Make<gm::ReadResourceRequest>("ReadResource", params, "mcp_resource",
                                         TextOf(params, "uri"));
  }
  if (method == "prompts/list") return Make<gm::ListPromptsRequest>("ListPrompts", params);
  if (method == "prompts/get") {
    return Make<gm::GetPromptRequest>("GetPrompt", params, "mcp_prompt", TextOf(params, "name"));
  }
  if (method == "completion/complete") {
    Value* ref = Find(params, "ref");
    Struct none;
    Struct& about = ref != nullptr ? *ref->mutable_struct_value() : none;
    const bool is_prompt = TextOf(about, "type") == "ref/prompt";
    return Make<gm::CompletionRequest>("Complete", params,
                                       is_prompt ? "mcp_prompt" : "mcp_resource",
                                       TextOf(about, is_prompt ? "name" : "uri"));
  }
  return Error{.reason = Reason::kMethodNotFound,
               .message = std::string(method.substr(0, 100)) + " is not served over gRPC"};
}

}  // namespace mcpbridge

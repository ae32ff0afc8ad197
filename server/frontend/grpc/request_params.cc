#include "server/frontend/grpc/request_params.h"

#include <optional>
#include <string_view>
#include <utility>

#include "server/base/version.h"
#include "server/mcp/initialize.h"
#include "server/mcp/modern.h"
#include "server/mcp/modern_meta.h"
#include "server/mcp/tasks.h"
#include "server/protojson/struct_json.h"

namespace mcpbridge {
namespace {

using google::protobuf::Struct;

Error Invalid(std::string message) {
  return Error{.reason = Reason::kInvalidArguments, .message = std::move(message)};
}

// An object whose members are strings.
std::string StringsToJson(const google::protobuf::Map<std::string, std::string>& strings) {
  std::string out;
  for (const auto& [name, value] : strings) {
    out += out.empty() ? '{' : ',';
    jsonrpc::AppendQuoted(out, name);
    out += ':';
    jsonrpc::AppendQuoted(out, value);
  }
  return out.empty() ? "{}" : out + '}';
}

Result<std::string> ResponsesToJson(
    const google::protobuf::Map<std::string, v1::InputResponse>& responses) {
  std::string out;
  for (const auto& [key, response] : responses) {
    Result<std::string> json = response.has_result() ? StructToJson(response.result())
                                                     : Result<std::string>(response.result_json());
    if (!json) return json;
    if (json->empty()) return Invalid("input_responses[" + key + "] has no answer");
    out += out.empty() ? '{' : ',';
    jsonrpc::AppendQuoted(out, key);
    out += ':';
    out += *json;
  }
  return out.empty() ? out : out + '}';
}

// The members of params that all requests have that a server may answer with a question.
struct CommonMembers {
  std::string meta;
  std::string input_responses;
  std::string request_state;
  bool modern = false;
  std::string capabilities;
};

template <class Request>
Result<CommonMembers> CommonMembersOf(const Request& request, const Struct* meta) {
  CommonMembers members;
  Result<std::string> responses = ResponsesToJson(request.input_responses());
  if (!responses) return std::move(responses).error();
  members.input_responses = *std::move(responses);
  if (request.has_request_state()) members.request_state = jsonrpc::Quote(request.request_state());
  if (meta != nullptr) {
    Result<std::string> json = StructToJson(*meta);
    if (!json) return std::move(json).error();
    members.meta = *std::move(json);
  }
  members.modern = request.has_client_capabilities() || request.has_request_state() ||
                   !members.input_responses.empty();
  if (!members.modern) return members;
  Result<std::string> capabilities = StructToJson(request.client_capabilities());
  if (!capabilities) return std::move(capabilities).error();
  members.capabilities = WithoutTasks(*capabilities);  // there is no way to get at them
  return members;
}

// `params` with what a request of the modern era says of its sender, who may have said its name.
Result<CallParams> AsModern(const CallParams& params, std::string_view capabilities,
                            std::string_view log_level) {
  const bool named = params.raw.find(kMetaClientInfo) != std::string::npos;
  const std::string client_info = named ? std::string() : BridgeInfo();
  Result<std::string> raw = WithRequestMeta(params.raw, {.protocol_version = kModernVersion,
                                                         .client_info = client_info,
                                                         .client_capabilities = capabilities,
                                                         .log_level = log_level});
  if (!raw) return std::move(raw).error();
  return ReadCallParams(params.method, *std::move(raw));
}

Result<RoutedRequest> Finish(const std::string& server, Result<CallParams> params,
                             const CommonMembers& members, std::string_view log_level = "") {
  if (params && members.modern) params = AsModern(*params, members.capabilities, log_level);
  if (!params) return std::move(params).error();
  return RoutedRequest{.server = server, .params = *std::move(params), .modern = members.modern};
}

template <class Request>
const Struct* MetaOf(const Request& request) {
  return request.has_meta() ? &request.meta() : nullptr;
}

Result<std::string> ArgumentsOf(const v1::CallToolRequest& request) {
  if (request.has_arguments()) return StructToJson(request.arguments());
  if (request.has_arguments_json() && request.arguments_json().empty()) {
    return Invalid("arguments_json must be a JSON object, not empty");
  }
  return request.arguments_json();
}

Result<RoutedRequest> CallToolWith(const v1::CallToolRequest& request, const Struct* meta,
                                   std::string_view log_level) {
  const Result<std::string> arguments = ArgumentsOf(request);
  if (!arguments) return arguments.error();
  const Result<CommonMembers> members = CommonMembersOf(request, meta);
  if (!members) return members.error();
  const std::string name = jsonrpc::Quote(request.name());
  return Finish(request.server(),
                MakeCallParams(CallMethod::kCallTool, {{"name", name},
                                                       {"arguments", *arguments},
                                                       {"inputResponses", members->input_responses},
                                                       {"requestState", members->request_state},
                                                       {"_meta", members->meta}}),
                *members, log_level);
}

}  // namespace

Result<RoutedRequest> RoutedRequestOf(const v1::CallToolRequest& request) {
  return CallToolWith(request, MetaOf(request), "");
}

Result<RoutedRequest> RoutedRequestOf(const v1::CallToolStreamRequest& request) {
  Struct meta = request.call().meta();
  if (!meta.fields().contains("progressToken")) {
    (*meta.mutable_fields())["progressToken"].set_number_value(0);
  }
  return CallToolWith(request.call(), &meta, request.log_level());
}

Result<RoutedRequest> RoutedRequestOf(const v1::ReadResourceRequest& request) {
  const Result<CommonMembers> members = CommonMembersOf(request, MetaOf(request));
  if (!members) return members.error();
  const std::string uri = jsonrpc::Quote(request.uri());
  return Finish(
      request.server(),
      MakeCallParams(CallMethod::kReadResource, {{"uri", uri},
                                                 {"inputResponses", members->input_responses},
                                                 {"requestState", members->request_state},
                                                 {"_meta", members->meta}}),
      *members);
}

Result<RoutedRequest> RoutedRequestOf(const v1::GetPromptRequest& request) {
  const Result<CommonMembers> members = CommonMembersOf(request, MetaOf(request));
  if (!members) return members.error();
  const std::string name = jsonrpc::Quote(request.name());
  const std::string arguments =
      request.arguments().empty() ? "" : StringsToJson(request.arguments());
  return Finish(
      request.server(),
      MakeCallParams(CallMethod::kGetPrompt, {{"name", name},
                                              {"arguments", arguments},
                                              {"inputResponses", members->input_responses},
                                              {"requestState", members->request_state},
                                              {"_meta", members->meta}}),
      *members);
}

Result<RoutedRequest> RoutedRequestOf(const v1::CompleteRequest& request) {
  if (request.argument_name().empty()) return Invalid("argument_name is missing");
  std::string ref;
  if (request.has_prompt()) {
    ref = R"({"type":"ref/prompt","name":)" + jsonrpc::Quote(request.prompt()) + '}';
  } else if (request.has_uri_template()) {
    ref = R"({"type":"ref/resource","uri":)" + jsonrpc::Quote(request.uri_template()) + '}';
  } else {
    return Invalid("whose argument is it? Say `prompt` or `uri_template`");
  }
  const std::string argument = R"({"name":)" + jsonrpc::Quote(request.argument_name()) +
                               R"(,"value":)" + jsonrpc::Quote(request.argument_value()) + '}';
  std::string context;
  if (!request.known_arguments().empty()) {
    context = R"({"arguments":)" + StringsToJson(request.known_arguments()) + '}';
  }
  Result<std::string> meta = request.has_meta() ? StructToJson(request.meta()) : std::string();
  if (!meta) return std::move(meta).error();
  return Finish(request.server(),
                MakeCallParams(
                    CallMethod::kComplete,
                    {{"ref", ref}, {"argument", argument}, {"context", context}, {"_meta", *meta}}),
                CommonMembers{});
}

}  // namespace mcpbridge

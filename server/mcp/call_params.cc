#include "server/mcp/call_params.h"

#include <simdjson.h>

#include <array>
#include <optional>
#include <utility>

#include "server/jsonrpc/message.h"
#include "server/mcp/invalid.h"
#include "server/mcp/json_members.h"

namespace mcpbridge {
namespace {

namespace od = simdjson::ondemand;

struct Method {
  CallMethod method;
  std::string_view name;
  CallParams::KeyKind kind;  // kComplete: as its ref says
  std::string_view key;      // the member of params that decides where the request goes
  std::string_view missing;  // said where it isn't there
};

constexpr std::array<Method, 14> kMethods = {{
    {CallMethod::kCallTool, "tools/call", CallParams::KeyKind::kTool, "name",
     "params.name, the tool to call, is missing"},
    {CallMethod::kGetPrompt, "prompts/get", CallParams::KeyKind::kPrompt, "name",
     "params.name, the prompt to get, is missing"},
    {CallMethod::kReadResource, "resources/read", CallParams::KeyKind::kResource, "uri",
     "params.uri, the resource to read, is missing"},
    {CallMethod::kSubscribe, "resources/subscribe", CallParams::KeyKind::kResource, "uri",
     "params.uri, the resource to subscribe to, is missing"},
    {CallMethod::kUnsubscribe, "resources/unsubscribe", CallParams::KeyKind::kResource, "uri",
     "params.uri, the resource to unsubscribe from, is missing"},
    {CallMethod::kComplete, "completion/complete", CallParams::KeyKind::kPrompt, "ref",
     "params.ref must have type ref/prompt and a name, or type ref/resource and a uri"},
    {CallMethod::kSetLevel, "logging/setLevel", CallParams::KeyKind::kNone, "level",
     "params.level, the least level to log, is missing"},
    {CallMethod::kDiscover, "server/discover", CallParams::KeyKind::kNone, "", ""},
    {CallMethod::kListen, "subscriptions/listen", CallParams::KeyKind::kNone, "", ""},
    {CallMethod::kGetTask, "tasks/get", CallParams::KeyKind::kTask, "taskId",
     "params.taskId, the task to get, is missing"},
    {CallMethod::kTaskResult, "tasks/result", CallParams::KeyKind::kTask, "taskId",
     "params.taskId, the task whose result is wanted, is missing"},
    {CallMethod::kListTasks, "tasks/list", CallParams::KeyKind::kNone, "", ""},
    {CallMethod::kCancelTask, "tasks/cancel", CallParams::KeyKind::kTask, "taskId",
     "params.taskId, the task to cancel, is missing"},
    {CallMethod::kUpdateTask, "tasks/update", CallParams::KeyKind::kTask, "taskId",
     "params.taskId, the task to update, is missing"},
}};

const Method& RowOf(CallMethod method) { return kMethods[static_cast<std::size_t>(method)]; }

// Where `part`, a view into `whole`, stands in it; without the space behind a scalar.
Span SpanOf(std::string_view whole, std::string_view part) {
  return {static_cast<std::size_t>(part.data() - whole.data()), jsonrpc::TrimEnd(part).size()};
}

// Reads `_meta`, all the way down, and finds the progress token in it.
std::optional<Error> ReadMeta(od::value value, std::string_view whole, CallParams& params) {
  od::object meta;
  if (value.get_object().get(meta)) return Invalid("params._meta must be an object");
  for (auto field : meta) {
    std::string_view key;
    if (field.error() || field.unescaped_key().get(key))
      return Invalid("params._meta is not valid JSON");
    od::value inner = field.value_unsafe().value();
    if (key == "progressToken") {
      if (params.token_span.size != 0) return Invalid("params._meta.progressToken occurs twice");
      od::json_type type;
      if (inner.type().get(type) ||
          (type != od::json_type::string && type != od::json_type::number)) {
        return Invalid("params._meta.progressToken must be a string or a number");
      }
      params.token_span = SpanOf(whole, inner.raw_json_token());
    }
    if (!jsonrpc::Validate(inner, 1)) return Invalid("params._meta is not valid JSON");
  }
  return std::nullopt;
}

// Which members have been seen.
struct Seen {
  bool key = false;
  bool arguments = false;
  bool meta = false;
  int members = 0;
};

std::optional<Error> ReadKey(od::value value, std::string_view member, std::string_view whole,
                             CallParams& params) {
  params.key_span = SpanOf(whole, value.raw_json_token());
  std::string_view key;
  if (value.get_string().get(key)) {
    return Invalid("params." + std::string(member) + " must be a string");
  }
  params.key = key;
  return std::nullopt;
}

// params.ref of completion/complete.
std::optional<Error> ReadRef(od::value value, std::string_view whole, CallParams& params) {
  const Error malformed = Invalid(std::string(RowOf(CallMethod::kComplete).missing));
  od::object ref;
  if (value.get_object().get(ref)) return malformed;
  std::string type;
  bool keyed = false;
  bool is_uri = false;
  for (auto field : ref) {
    std::string_view member;
    if (field.error() || field.unescaped_key().get(member)) return malformed;
    od::value inner = field.value_unsafe().value();
    std::string_view text;
    if (member == "type") {
      if (!type.empty() || inner.get_string().get(text)) return malformed;
      type = text;
    } else if (member == "name" || member == "uri") {
      is_uri = member == "uri";
      if (std::exchange(keyed, true)) return malformed;
      if (auto error = ReadKey(inner, "ref", whole, params)) return error;
    } else if (!jsonrpc::Validate(inner, 2)) {
      return malformed;
    }
  }
  if (!keyed || type != (is_uri ? "ref/resource" : "ref/prompt")) return malformed;
  params.kind = is_uri ? CallParams::KeyKind::kResource : CallParams::KeyKind::kPrompt;
  return std::nullopt;
}

std::optional<Error> ReadArguments(od::value value) {
  od::json_type type;
  if (value.type().get(type) || type != od::json_type::object) {
    return Invalid("params.arguments must be an object");
  }
  if (!jsonrpc::Validate(value, 1)) return Invalid("params.arguments is not valid JSON");
  return std::nullopt;
}

std::optional<Error> ReadMember(std::string_view key, od::value value, std::string_view whole,
                                CallParams& params, Seen& seen) {
  const auto first = [&](bool& flag) { return !std::exchange(flag, true); };
  ++seen.members;
  const std::string_view wanted = RowOf(params.method).key;
  if (!wanted.empty() && key == wanted) {
    if (!first(seen.key)) return Invalid("params." + std::string(wanted) + " occurs twice");
    if (params.method == CallMethod::kComplete) return ReadRef(value, whole, params);
    return ReadKey(value, wanted, whole, params);
  }
  if (key == "arguments") {
    if (!first(seen.arguments)) return Invalid("params.arguments occurs twice");
    return ReadArguments(value);
  }
  if (key == "_meta") {
    if (!first(seen.meta)) return Invalid("params._meta occurs twice");
    return ReadMeta(value, whole, params);
  }
  if (key == "task" && params.method == CallMethod::kCallTool) {
    if (!first(params.has_task)) return Invalid("params.task occurs twice");
  }
  if (!jsonrpc::Validate(value, 1)) return Invalid("params is not valid JSON");
  return std::nullopt;
}

// Reads `object`, whose raw text is `whole`, into everything of `params` but `raw`.
std::optional<Error> ReadParams(od::object object, std::string_view whole, CallParams& params,
                                Seen& seen) {
  for (auto field : object) {
    std::string_view key;
    if (field.error() || field.unescaped_key().get(key)) return Invalid("params is not valid JSON");
    // The key's memory is the parser's, and grows with every string: fine until the next document.
    if (auto error = ReadMember(key, field.value_unsafe().value(), whole, params, seen))
      return error;
  }
  if (params.key.empty() && !RowOf(params.method).key.empty()) {
    return Invalid(std::string(RowOf(params.method).missing));
  }
  return std::nullopt;
}

}  // namespace

std::string_view NameOf(CallMethod method) { return RowOf(method).name; }

std::optional<CallMethod> CallMethodOf(std::string_view name) {
  for (const Method& row : kMethods) {
    if (row.name == name) return row.method;
  }
  return std::nullopt;
}

bool IsForSession(CallMethod method) {
  return method == CallMethod::kSetLevel || method == CallMethod::kSubscribe ||
         method == CallMethod::kUnsubscribe || method == CallMethod::kListTasks;
}

void CallParams::Rename(std::string_view new_key) {
  if (new_key == key) return;
  const std::string quoted = jsonrpc::Quote(new_key);
  raw.replace(key_span.begin, key_span.size, quoted);
  if (token_span.begin > key_span.begin) token_span.begin += quoted.size() - key_span.size;
  key_span.size = quoted.size();
  key = new_key;
}

Result<CallParams> ParseCallParams(CallMethod method, jsonrpc::Message& message) {
  CallParams params;
  params.method = method;
  params.kind = RowOf(method).kind;
  if (message.params.empty()) {
    if (RowOf(method).key.empty()) return params;
    return Invalid(std::string(RowOf(method).missing));
  }
  Seen seen;
  od::object object;
  if (jsonrpc::ParamsValue(message).get_object().get(object)) {
    return Invalid("params must be an object");
  }
  if (auto error = ReadParams(object, message.params, params, seen)) return *std::move(error);
  params.raw = message.params;
  return params;
}

Result<CallParams> ReadCallParams(CallMethod method, std::string raw) {
  thread_local jsonrpc::Parser parser;
  CallParams params;
  params.method = method;
  params.kind = RowOf(method).kind;
  Seen seen;
  raw.reserve(raw.size() + simdjson::SIMDJSON_PADDING);
  od::document& document = parser.document();
  od::object object;
  if (parser.Get().iterate(raw.data(), raw.size(), raw.capacity()).get(document) ||
      document.get_object().get(object)) {
    return Invalid("params is not a JSON object");
  }
  if (auto error = ReadParams(object, raw, params, seen)) return *std::move(error);
  parser.Trim();
  params.raw = std::move(raw);
  return params;
}

Span ProgressTokenSpan(std::string_view params) {
  const auto outer = JsonMembers::Read(params);
  const auto meta = outer ? outer->Get("_meta") : std::nullopt;
  const auto inner = meta ? JsonMembers::Read(*meta) : std::nullopt;
  const auto token = inner ? inner->Get("progressToken") : std::nullopt;
  if (!token) return {};
  const Span in_outer = SpanOf(outer->text(), *meta);
  const Span in_inner = SpanOf(inner->text(), *token);
  return {.begin = in_outer.begin + in_inner.begin, .size = in_inner.size};
}

Result<CallParams> MakeCallParams(CallMethod method, std::initializer_list<ParamsMember> members) {
  std::size_t size = 2;
  for (const auto& [name, value] : members) size += name.size() + value.size() + 4;
  std::string raw;
  raw.reserve(size + simdjson::SIMDJSON_PADDING);
  int count = 0;
  for (const auto& [name, value] : members) {
    if (value.empty()) continue;
    raw.append(count++ == 0 ? "{\"" : ",\"").append(name).append("\":").append(value);
  }
  raw.append(count == 0 ? "{}" : "}");

  thread_local jsonrpc::Parser parser;
  CallParams params;
  params.method = method;
  params.kind = RowOf(method).kind;
  Seen seen;
  od::document& document = parser.document();
  od::object object;
  if (parser.Get().iterate(raw.data(), raw.size(), raw.capacity()).get(document) ||
      document.get_object().get(object)) {
    return Invalid("the arguments are not valid JSON");
  }
  if (auto error = ReadParams(object, raw, params, seen)) return *std::move(error);
  // Text that closes its own object and goes on would have become members of params.
  if (seen.members != count || document.current_location().error() != simdjson::OUT_OF_BOUNDS) {
    return Invalid("the arguments must be one JSON object");
  }
  parser.Trim();
  params.raw = std::move(raw);
  return params;
}

Result<CallParams> MakeCallParams(std::string_view name, std::string_view arguments,
                                  std::string_view meta) {
  const std::string quoted = jsonrpc::Quote(name);
  return MakeCallParams(CallMethod::kCallTool,
                        {{"name", quoted}, {"arguments", arguments}, {"_meta", meta}});
}

}  // namespace mcpbridge

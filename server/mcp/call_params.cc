#include "server/mcp/call_params.h"

#include <simdjson.h>

#include <optional>
#include <utility>

#include "server/jsonrpc/message.h"

namespace mcpbridge {
namespace {

namespace od = simdjson::ondemand;

Error Invalid(std::string message) {
  return Error{.reason = Reason::kInvalidArguments, .message = std::move(message)};
}

// Where `part`, a view into `whole`, stands in it; without the space behind a scalar.
CallParams::Span SpanOf(std::string_view whole, std::string_view part) {
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

// What kind of value each member of params must be, and whether it was seen.
struct Seen {
  bool name = false;
  bool arguments = false;
  bool meta = false;
  int members = 0;
};

std::optional<Error> ReadName(od::value value, std::string_view whole, CallParams& params) {
  params.name_span = SpanOf(whole, value.raw_json_token());
  std::string_view name;
  if (value.get_string().get(name)) return Invalid("params.name must be a string");
  params.name = name;
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
  if (key == "name") {
    if (!first(seen.name)) return Invalid("params.name occurs twice");
    return ReadName(value, whole, params);
  }
  if (key == "arguments") {
    if (!first(seen.arguments)) return Invalid("params.arguments occurs twice");
    return ReadArguments(value);
  }
  if (key == "_meta") {
    if (!first(seen.meta)) return Invalid("params._meta occurs twice");
    return ReadMeta(value, whole, params);
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
  if (params.name.empty()) return Invalid("params.name, the tool to call, is missing");
  return std::nullopt;
}

}  // namespace

void CallParams::Rewrite(std::string_view new_name, std::string_view token) {
  const auto replace = [this](Span span, std::string_view by) {
    if (span.size != 0) raw.replace(span.begin, span.size, by);
  };
  const std::string quoted = new_name == name ? std::string() : jsonrpc::Quote(new_name);
  const Span name_to_change = quoted.empty() ? Span{} : name_span;
  // The later one first, so that the other stays where it is.
  if (token_span.begin > name_to_change.begin) {
    replace(token_span, token);
    replace(name_to_change, quoted);
  } else {
    replace(name_to_change, quoted);
    replace(token_span, token);
  }
}

Result<CallParams> ParseCallParams(jsonrpc::Message& message) {
  if (message.params.empty()) return Invalid("params.name, the tool to call, is missing");
  CallParams params;
  Seen seen;
  od::object object;
  if (jsonrpc::ParamsValue(message).get_object().get(object)) {
    return Invalid("params must be an object");
  }
  if (auto error = ReadParams(object, message.params, params, seen)) return *std::move(error);
  params.raw = message.params;
  return params;
}

Result<CallParams> MakeCallParams(std::string_view name, std::string_view arguments,
                                  std::string_view meta) {
  std::string raw;
  raw.reserve(name.size() + arguments.size() + meta.size() + 40 + simdjson::SIMDJSON_PADDING);
  raw.append(R"({"name":)");
  jsonrpc::AppendQuoted(raw, name);
  if (!arguments.empty()) raw.append(R"(,"arguments":)").append(arguments);
  if (!meta.empty()) raw.append(R"(,"_meta":)").append(meta);
  raw.push_back('}');
  raw.reserve(raw.size() + simdjson::SIMDJSON_PADDING);

  thread_local jsonrpc::Parser parser;
  CallParams params;
  Seen seen;
  od::document& document = parser.document();
  od::object object;
  if (parser.Get().iterate(raw.data(), raw.size(), raw.capacity()).get(document) ||
      document.get_object().get(object)) {
    return Invalid("the arguments are not valid JSON");
  }
  if (auto error = ReadParams(object, raw, params, seen)) return *std::move(error);
  // Text that closes its own object and goes on would have become members of params.
  const int members = 1 + (arguments.empty() ? 0 : 1) + (meta.empty() ? 0 : 1);
  if (seen.members != members || document.current_location().error() != simdjson::OUT_OF_BOUNDS) {
    return Invalid("the arguments must be one JSON object");
  }
  parser.Trim();
  params.raw = std::move(raw);
  return params;
}

}  // namespace mcpbridge

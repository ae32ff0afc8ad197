#include "server/mcp/input_required.h"

#include <simdjson.h>

#include "server/jsonrpc/message.h"
#include "server/mcp/json_members.h"
#include "server/mcp/modern_meta.h"

namespace mcpbridge {
namespace {

constexpr std::string_view kResponses = "inputResponses";
constexpr std::string_view kState = "requestState";

Error BadResult(std::string what) {
  return Error{.reason = Reason::kUpstreamProtocol, .message = "the server's result " + what};
}

Error BadParams(std::string what) {
  return Error{.reason = Reason::kInvalidArguments, .message = std::move(what)};
}

// The text of a raw JSON string; nullopt: it is none.
std::optional<std::string> Unquoted(std::string_view raw) {
  jsonrpc::Text text{std::string(raw)};
  jsonrpc::Parser parser;
  std::string_view plain;
  if (parser.Get().iterate(text.Padded()).get(parser.document()) ||
      parser.document().get_string().get(plain)) {
    return std::nullopt;
  }
  return std::string(plain);
}

// Whether `raw` is one JSON object, all the way down.
bool IsObject(std::string_view raw) {
  jsonrpc::Text text{std::string(raw)};
  jsonrpc::Parser parser;
  simdjson::ondemand::value value;
  if (parser.Get().iterate(text.Padded()).get(parser.document()) ||
      parser.document().get_value().get(value)) {
    return false;
  }
  return raw.starts_with('{') && jsonrpc::Validate(value);
}

bool IsQuestion(std::string_view method) {
  return method == "elicitation/create" || method == "sampling/createMessage" ||
         method == "roots/list";
}

std::optional<InputRequest> ReadRequest(std::string key, std::string_view raw) {
  const auto members = JsonMembers::Read(raw);
  const auto method = members ? members->Get("method") : std::nullopt;
  std::optional<std::string> name = method ? Unquoted(*method) : std::nullopt;
  if (!name || !IsQuestion(*name)) return std::nullopt;
  std::string params(members->Get("params").value_or(""));
  if (!params.empty() && !IsObject(params)) return std::nullopt;
  return InputRequest{.key = std::move(key), .method = *std::move(name), .params = params};
}

}  // namespace

Result<std::optional<InputRequired>> ReadInputRequired(std::string_view result) {
  const auto members = JsonMembers::Read(result);
  if (!members) return BadResult("is not an object with each member once");
  const std::string_view type = members->Get("resultType").value_or(R"("complete")");
  if (type == R"("complete")") return std::optional<InputRequired>();
  if (type != R"("input_required")") {
    return BadResult("is of a type that the bridge does not know: " +
                     std::string(type.substr(0, 60)));
  }
  InputRequired required;
  if (const auto state = members->Get(kState)) {
    if (!Unquoted(*state)) return BadResult("has a requestState that is no string");
    required.state = *state;
  }
  if (const auto raw = members->Get("inputRequests")) {
    const auto requests = JsonMembers::Read(*raw);
    if (!requests) return BadResult("has inputRequests that are not valid");
    for (std::string& key : requests->Keys()) {
      const std::string_view request = *requests->Get(key);
      auto read = ReadRequest(std::move(key), request);
      if (!read) return BadResult("asks for something that is no question of MCP's");
      required.requests.push_back(*std::move(read));
    }
  }
  if (required.requests.empty() && required.state.empty()) {
    return BadResult("wants the request again, and does not say with what");
  }
  return std::optional(std::move(required));
}

std::string InputRequiredResult(const InputRequired& required) {
  std::string result = R"({"resultType":"input_required","inputRequests":{)";
  for (const InputRequest& request : required.requests) {
    if (&request != &required.requests.front()) result += ',';
    jsonrpc::AppendQuoted(result, request.key);
    result.append(R"(:{"method":)");
    jsonrpc::AppendQuoted(result, request.method);
    if (!request.params.empty()) result.append(R"(,"params":)").append(request.params);
    result += '}';
  }
  result += '}';
  if (!required.state.empty()) result.append(R"(,"requestState":)").append(required.state);
  result.append(R"(,"_meta":{")").append(kMetaServerInfo).append("\":").append(BridgeInfo());
  return result.append("}}");
}

Result<InputResponses> ReadInputResponses(std::string_view params) {
  InputResponses responses;
  // A search through the text, which most requests need no more than.
  if (params.find(kResponses) == std::string_view::npos &&
      params.find(kState) == std::string_view::npos) {
    return responses;
  }
  const auto members = JsonMembers::Read(params);
  if (!members) return BadParams("params must be an object, with each member once");
  if (const auto state = members->Get(kState)) {
    auto plain = Unquoted(*state);
    if (!plain) return BadParams("params.requestState must be a string");
    responses.state = *std::move(plain);
  }
  const auto raw = members->Get(kResponses);
  if (!raw) return responses;
  const auto results = JsonMembers::Read(*raw);
  if (!results) return BadParams("params.inputResponses must be an object, with each member once");
  for (std::string& key : results->Keys()) {
    const std::string_view result = *results->Get(key);
    if (!IsObject(result)) {
      return BadParams("params.inputResponses must have an object for each question");
    }
    responses.results.emplace_back(std::move(key), result);
  }
  return responses;
}

Result<std::string> WithInputResponses(
    std::string_view params, const std::vector<std::pair<std::string, std::string>>& results,
    std::string_view state) {
  auto members = JsonMembers::Read(params.empty() ? "{}" : params);
  if (!members) return BadParams("params must be an object, with each member once");
  members->Remove({kResponses, kState});
  if (!state.empty()) members->Set(kState, state);
  if (!results.empty()) {
    std::string raw = "{";
    for (const auto& [key, result] : results) {
      if (raw.size() > 1) raw += ',';
      jsonrpc::AppendQuoted(raw, key);
      raw.append(":").append(result);
    }
    members->Set(kResponses, raw + "}");
  }
  return std::move(*members).Take();
}

Result<std::string> LegacyResult(std::string_view result) {
  auto members = JsonMembers::Read(result);
  if (!members) return BadResult("is not an object with each member once");
  members->Remove({"resultType", "ttlMs", "cacheScope"});
  const auto raw_meta = members->Get("_meta");
  auto meta = raw_meta ? JsonMembers::Read(*raw_meta) : std::nullopt;
  if (meta && meta->Get(kMetaServerInfo)) {
    meta->Remove({kMetaServerInfo});
    if (meta->Keys().empty()) {
      members->Remove({"_meta"});
    } else {
      members->Set("_meta", meta->text());
    }
  }
  return std::move(*members).Take();
}

std::string AskableCapabilities(std::string_view client_capabilities) {
  const auto members = JsonMembers::Read(client_capabilities);
  if (!members) return {};
  std::string askable;
  for (const std::string_view key : {"elicitation", "roots", "sampling"}) {
    const auto value = members->Get(key);
    if (!value || !IsObject(*value)) continue;
    askable += askable.empty() ? '{' : ',';
    askable.append("\"").append(key).append("\":").append(key == "roots" ? "{}" : *value);
  }
  return askable.empty() ? askable : askable + "}";
}

std::string AskableCapabilitiesOf(std::string_view params) {
  const auto members = JsonMembers::Read(params);
  const auto meta = members ? JsonMembers::Read(members->Get("_meta").value_or("")) : std::nullopt;
  return AskableCapabilities(meta ? meta->Get(kMetaCapabilities).value_or("{}") : "{}");
}

ClientProfile AskableProfile(const std::string& askable_capabilities) {
  const auto members = JsonMembers::Read(askable_capabilities);
  const auto has = [&](std::string_view key) { return members && members->Get(key).has_value(); };
  return {.version = std::string(kNewestLegacyVersion),
          .capabilities = askable_capabilities,
          .client_info = {},
          .can_sample = has("sampling"),
          .can_elicit = has("elicitation"),
          .has_roots = has("roots")};
}

}  // namespace mcpbridge

#include "server/mcp/modern_meta.h"

#include "server/jsonrpc/message.h"
#include "server/mcp/initialize.h"
#include "server/mcp/json_members.h"
#include "server/mcp/modern.h"

namespace mcpbridge {
namespace {

Error InvalidParams() {
  return Error{.reason = Reason::kInvalidArguments,
               .message = "params must be an object, with each member once"};
}

Error InvalidMeta() {
  return Error{.reason = Reason::kInvalidArguments,
               .message = "params._meta must be an object, with each member once"};
}

Error InvalidResult() {
  return Error{.reason = Reason::kUpstreamProtocol,
               .message = "the server's result is not an object with each member once"};
}

// Gives `object` the member `key` unless it has one.
void SetDefault(JsonMembers& object, std::string_view key, std::string_view value) {
  if (!object.Get(key)) object.Set(key, value);
}

std::string_view ScopeOf(const ResultDefaults& defaults) {
  return defaults.is_public ? R"("public")" : R"("private")";
}

}  // namespace

Result<std::string> WithRequestMeta(std::string_view params, const RequestMeta& meta) {
  auto object = JsonMembers::Read(params.empty() ? "{}" : params);
  if (!object) return InvalidParams();
  auto inner = JsonMembers::Read(object->Get("_meta").value_or("{}"));
  if (!inner) return InvalidMeta();
  // New ones go to the front: the last to be set is the first to be read.
  if (!meta.log_level.empty()) inner->Set(kMetaLogLevel, jsonrpc::Quote(meta.log_level));
  if (!meta.client_capabilities.empty()) inner->Set(kMetaCapabilities, meta.client_capabilities);
  if (!meta.client_info.empty()) inner->Set(kMetaClientInfo, meta.client_info);
  if (!meta.protocol_version.empty())
    inner->Set(kMetaVersion, jsonrpc::Quote(meta.protocol_version));
  object->Set("_meta", inner->text());
  return std::move(*object).Take();
}

Result<std::string> WithoutRequestMeta(std::string_view params) {
  auto object = JsonMembers::Read(params);
  if (!object) return InvalidParams();
  const auto meta = object->Get("_meta");
  if (!meta) return std::string(params);
  auto inner = JsonMembers::Read(*meta);
  if (!inner) return InvalidMeta();
  inner->Remove({kMetaVersion, kMetaClientInfo, kMetaCapabilities, kMetaLogLevel});
  object->Set("_meta", inner->text());
  return std::move(*object).Take();
}

Result<std::string> WithResultDefaults(std::string_view method, std::string_view result,
                                       const ResultDefaults& defaults) {
  auto object = JsonMembers::Read(result);
  if (!object) return InvalidResult();
  if (!defaults.server_info.empty()) {
    auto meta = JsonMembers::Read(object->Get("_meta").value_or("{}"));
    if (!meta) return InvalidResult();
    if (!meta->Get(kMetaServerInfo)) {
      meta->Set(kMetaServerInfo, defaults.server_info);
      object->Set("_meta", meta->text());
    }
  }
  SetDefault(*object, "resultType", R"("complete")");
  if (IsCacheable(method) && object->Get("resultType") == R"("complete")") {
    SetDefault(*object, "cacheScope", ScopeOf(defaults));
    SetDefault(*object, "ttlMs", std::to_string(defaults.ttl_ms));
  }
  return std::move(*object).Take();
}

std::string ResultTypeOf(jsonrpc::Message& message) {
  simdjson::ondemand::object result;
  std::string_view type;
  if (jsonrpc::ResultValue(message).get_object().get(result) ||
      result.find_field_unordered("resultType").get_string().get(type)) {
    return {};
  }
  return std::string(type);
}

Result<std::string> AsComplete(std::string_view result) {
  auto object = JsonMembers::Read(result);
  if (!object) return InvalidResult();
  SetDefault(*object, "resultType", R"("complete")");
  return std::move(*object).Take();
}

std::string WithSubscription(std::string_view object, std::string_view id) {
  auto members = JsonMembers::Read(object);
  const auto raw_meta = members ? members->Get("_meta") : std::nullopt;
  auto meta = raw_meta ? JsonMembers::Read(*raw_meta) : std::nullopt;
  if (!meta || !meta->Get(kMetaSubscriptionId)) return std::string(object);
  meta->Set(kMetaSubscriptionId, id);
  members->Set("_meta", meta->text());
  return std::move(*members).Take();
}

std::string SubscriptionOf(std::string_view params) {
  // A search through the text, which most messages need no more than.
  if (params.find(kMetaSubscriptionId) == std::string_view::npos) return {};
  const auto members = JsonMembers::Read(params);
  const auto meta = members ? JsonMembers::Read(members->Get("_meta").value_or("")) : std::nullopt;
  return std::string(meta ? meta->Get(kMetaSubscriptionId).value_or("") : "");
}

bool OffersModern(std::string_view discover_result) {
  const auto members = JsonMembers::Read(discover_result);
  const auto versions = members ? members->Get("supportedVersions") : std::nullopt;
  return versions && versions->find(jsonrpc::Quote(kModernVersion)) != std::string_view::npos;
}

std::string DiscoverResult(std::string_view capabilities, std::string_view instructions,
                           long long ttl_ms) {
  std::string result = R"({"resultType":"complete","supportedVersions":)";
  result.append(JsonList(kSupportedVersions)).append(R"(,"capabilities":)").append(capabilities);
  if (!instructions.empty()) result.append(R"(,"instructions":)").append(instructions);
  result.append(R"(,"ttlMs":)").append(std::to_string(ttl_ms));
  result.append(R"(,"cacheScope":)").append(ScopeOf({})).append(R"(,"_meta":{")");
  result.append(kMetaServerInfo).append("\":").append(BridgeInfo()).append("}}");
  return result;
}

std::string BridgeParams() {
  return WithRequestMeta("", {.protocol_version = kModernVersion,
                              .client_info = BridgeInfo(),
                              .client_capabilities = "{}"})
      .value();
}

}  // namespace mcpbridge

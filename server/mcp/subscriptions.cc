#include "server/mcp/subscriptions.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "server/jsonrpc/message.h"
#include "server/mcp/invalid.h"
#include "server/mcp/json_members.h"
#include "server/mcp/modern_meta.h"

namespace mcpbridge {
namespace {

namespace od = simdjson::ondemand;

std::optional<Error> ReadFlag(const JsonMembers& wanted, std::string_view name, bool& flag) {
  const auto raw = wanted.Get(name);
  if (raw && *raw != "true" && *raw != "false") {
    return Invalid("params.notifications." + std::string(name) + " must be true or false");
  }
  flag = raw == "true";
  return std::nullopt;
}

std::optional<Error> ReadUris(std::string_view raw, std::vector<std::string>& uris) {
  const Error invalid =
      Invalid("params.notifications.resourceSubscriptions must be an array of strings");
  od::parser parser;
  const simdjson::padded_string text(raw);
  od::document document;
  od::array array;
  if (parser.iterate(text).get(document) || document.get_array().get(array)) return invalid;
  for (auto element : array) {
    std::string_view uri;
    if (element.get_string().get(uri) || uri.empty()) return invalid;
    if (std::find(uris.begin(), uris.end(), uri) != uris.end()) continue;
    if (uris.size() == kMaxWatchedUris) {
      return Invalid("params.notifications.resourceSubscriptions names more than " +
                     std::to_string(kMaxWatchedUris) + " resources");
    }
    uris.emplace_back(uri);
  }
  return std::nullopt;
}

}  // namespace

Result<ListenFor> ReadListenFor(std::string_view params) {
  const auto members = JsonMembers::Read(params);
  const auto raw = members ? members->Get("notifications") : std::nullopt;
  const auto wanted = raw ? JsonMembers::Read(*raw) : std::nullopt;
  if (!wanted) return Invalid("params.notifications must be an object, with each member once");
  ListenFor listen_for;
  if (auto error = ReadFlag(*wanted, "toolsListChanged", listen_for.tools)) return *error;
  if (auto error = ReadFlag(*wanted, "promptsListChanged", listen_for.prompts)) return *error;
  if (auto error = ReadFlag(*wanted, "resourcesListChanged", listen_for.resources)) return *error;
  if (const auto uris = wanted->Get("resourceSubscriptions")) {
    if (auto error = ReadUris(*uris, listen_for.uris)) return *error;
  }
  return listen_for;
}

std::string ListenNotifications(const ListenFor& listen_for) {
  std::string out = "{";
  const auto add = [&out](std::string_view name, std::string_view value) {
    if (out.size() > 1) out += ',';
    out.append("\"").append(name).append("\":").append(value);
  };
  if (listen_for.tools) add("toolsListChanged", "true");
  if (listen_for.prompts) add("promptsListChanged", "true");
  if (listen_for.resources) add("resourcesListChanged", "true");
  if (!listen_for.uris.empty()) {
    std::string uris = "[";
    for (const std::string& uri : listen_for.uris) {
      if (uris.size() > 1) uris += ',';
      jsonrpc::AppendQuoted(uris, uri);
    }
    add("resourceSubscriptions", uris + "]");
  }
  return out + "}";
}

std::string TaggedWith(std::string_view id, std::string_view object) {
  auto members = JsonMembers::Read(object.empty() ? "{}" : object);
  auto meta = members ? JsonMembers::Read(members->Get("_meta").value_or("{}")) : std::nullopt;
  if (!meta) return std::string(object);
  meta->Set(kMetaSubscriptionId, id);
  members->Set("_meta", meta->text());
  return std::move(*members).Take();
}

std::string WithoutSubscription(std::string_view params) {
  if (params.find(kMetaSubscriptionId) == std::string_view::npos) return std::string(params);
  auto members = JsonMembers::Read(params);
  auto meta = members ? JsonMembers::Read(members->Get("_meta").value_or("")) : std::nullopt;
  if (!meta) return std::string(params);
  meta->Remove({kMetaSubscriptionId});
  if (meta->Keys().empty()) {
    members->Remove({"_meta"});
  } else {
    members->Set("_meta", meta->text());
  }
  return std::move(*members).Take();
}

std::string SubscriptionEnd(std::string_view id) {
  return TaggedWith(id, R"({"resultType":"complete"})");
}

std::string UriOf(std::string_view params) {
  od::parser parser;
  const simdjson::padded_string text(params);
  od::document document;
  std::string_view uri;
  if (parser.iterate(text).get(document) || document["uri"].get_string().get(uri)) return {};
  return std::string(uri);
}

}  // namespace mcpbridge

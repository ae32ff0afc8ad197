#include "server/frontend/admin/debug_json.h"

#include <algorithm>
#include <map>
#include <string_view>

#include "server/base/version.h"
#include "server/jsonrpc/message.h"

namespace mcpbridge {
namespace {

// The members of one object.
class JsonObject {
 public:
  void Text(std::string_view name, std::string_view value) { Raw(name, jsonrpc::Quote(value)); }
  template <class Number>
  void Count(std::string_view name, Number value) {
    Raw(name, std::to_string(value));
  }
  void Raw(std::string_view name, std::string_view value) {
    text_.append(text_.empty() ? "{\"" : ",\"").append(name).append("\":").append(value);
  }
  std::string Done() const { return text_.empty() ? "{}" : text_ + "}"; }

 private:
  std::string text_;
};

long long Milliseconds(std::chrono::nanoseconds time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
}

std::string_view NameOf(UpstreamHealth health) {
  switch (health) {
    case UpstreamHealth::kConnecting:
      return "connecting";
    case UpstreamHealth::kServing:
      return "serving";
    case UpstreamHealth::kNotServing:
      break;
  }
  return "not_serving";
}

std::string_view NameOf(TransportKind transport) {
  switch (transport) {
    case TransportKind::kHttp:
      return "http";
    case TransportKind::kSse:
      return "sse";
    case TransportKind::kStdio:
      return "stdio";
    case TransportKind::kGrpc:
      break;
  }
  return "grpc";
}

// Which eras of MCP the server is reached in, as far as that is known.
std::string_view EraOf(Server& server, UpstreamHealth health) {
  if (server.era().get() == Era::kModern) return "modern";
  if (server.modern() == nullptr || server.era().refuses_modern()) return "legacy";
  return health == UpstreamHealth::kServing ? "any" : "unknown";
}

}  // namespace

std::string CallsJson(const StateSources& from, const BridgeState& state) {
  std::vector<const LiveCall*> calls;
  for (const LiveCall& call : state.calls) calls.push_back(&call);
  std::ranges::sort(calls, [](const LiveCall* a, const LiveCall* b) { return a->age > b->age; });
  std::string list;
  for (const LiveCall* call : calls) {
    JsonObject object;
    object.Text("id", call->id);
    object.Text("front", mcpbridge::NameOf(call->front));
    object.Text("server", call->server);
    object.Text("method", mcpbridge::NameOf(call->method));
    object.Text("key", call->key);
    object.Count("age_ms", Milliseconds(call->age));
    object.Raw("deadline_left_ms", call->left ? std::to_string(Milliseconds(*call->left)) : "null");
    list.append(list.empty() ? "" : ",").append(object.Done());
  }
  JsonObject all;
  all.Count("in_flight", from.service.gate().count());
  all.Raw("calls", "[" + list + "]");
  return all.Done();
}

std::string UpstreamsJson(const StateSources& from, const BridgeState& state) {
  ToolService& service = from.service;
  std::map<std::string_view, std::size_t> in_flight;
  for (const CallCounts& lane : state.counts) {
    for (const CallCounts::Server& server : lane.servers) {
      for (const std::size_t count : server.in_flight) in_flight[*server.server] += count;
    }
  }
  std::vector<UpstreamPool::Usage> usage = state.usage;
  service.pool().AddSessions(usage);
  auto statuses = service.status().Snapshot();
  std::string list;
  const auto& servers = state.table->config().servers;
  for (std::size_t i = 0; i < servers.size(); ++i) {
    if (servers[i].absent) continue;
    const UpstreamStatus& status = statuses[servers[i].name];
    JsonObject object;
    object.Text("name", servers[i].name);
    object.Text("description", servers[i].description);
    object.Text("transport", NameOf(servers[i].transport));
    object.Text("health", NameOf(status.health));
    object.Text("era", EraOf(*state.table->servers()->At(i), status.health));
    object.Text("protocol_version", status.protocol_version);
    object.Text("server_name", status.server_name);
    object.Text("server_version", status.server_version);
    object.Text("last_error", status.last_error);
    object.Count("in_flight", in_flight[servers[i].name]);
    object.Count("connections", usage[i].connections);
    object.Count("client_sessions", usage[i].sessions);
    object.Count("processes", usage[i].processes);
    object.Count("tools", ToolCount(*state.table, i));
    list.append(list.empty() ? "" : ",").append(object.Done());
  }
  JsonObject all;
  all.Text("version", kVersion);
  all.Raw("ready", service.status().serving() ? "true" : "false");
  all.Raw("upstreams", "[" + list + "]");
  return all.Done();
}

}  // namespace mcpbridge

#include "server/config/difference.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <numeric>
#include <utility>

namespace mcpbridge {
namespace {

void AddPart(std::string& text, const char* what, const std::vector<std::string>& names) {
  if (names.empty()) return;
  if (!text.empty()) text += ", ";
  text += std::to_string(names.size()) + ' ' + what + " (";
  for (std::size_t i = 0; i < names.size(); ++i) text += (i == 0 ? "" : ", ") + names[i];
  text += ')';
}

}  // namespace

Config Placed(Config wanted, const Config& running) {
  std::map<std::string, std::size_t> place_of;
  std::vector<ServerConfig> places;
  for (const ServerConfig& server : running.servers) {
    place_of.emplace(server.name, places.size());
    ServerConfig& left = places.emplace_back();
    left.name = server.name;
    left.absent = true;
  }
  std::vector<std::size_t> order;
  for (ServerConfig& server : wanted.servers) {  // sorted by name
    const auto [at, is_new] = place_of.emplace(server.name, places.size());
    if (is_new) places.emplace_back();
    order.push_back(at->second);
    places[at->second] = std::move(server);
  }
  wanted.servers = std::move(places);
  std::vector<std::size_t> as_they_stand(wanted.servers.size());
  std::iota(as_they_stand.begin(), as_they_stand.end(), std::size_t{0});
  if (order != as_they_stand) wanted.order = std::move(order);
  return wanted;
}

bool SameConnection(const ServerConfig& a, const ServerConfig& b) {
  return a.name == b.name && a.absent == b.absent && a.transport == b.transport && a.url == b.url &&
         a.headers == b.headers && a.command == b.command && a.args == b.args && a.env == b.env &&
         a.isolation == b.isolation && a.protocol == b.protocol;
}

std::vector<ConfigError> NeedsRestart(const BridgeConfig& running, const BridgeConfig& wanted,
                                      const std::string& file) {
  std::vector<ConfigError> errors;
  const auto compare = [&](const char* path, const auto& was, const auto& is) {
    if (was == is) return;
    errors.push_back({.file = file,
                      .line = 0,
                      .path = path,
                      .message = "can't be changed while the bridge runs: it needs a restart"});
  };
  compare("bridge.http_listen", running.http_listen, wanted.http_listen);
  compare("bridge.grpc_listen", running.grpc_listen, wanted.grpc_listen);
  compare("bridge.admin_listen", running.admin_listen, wanted.admin_listen);
  compare("bridge.access_log", running.access_log, wanted.access_log);
  compare("bridge.session_key", running.session_key, wanted.session_key);
  compare("bridge.session_key_accepted", running.session_key_accepted, wanted.session_key_accepted);
  compare("bridge.session_max_age", running.session_max_age, wanted.session_max_age);
  compare("bridge.session_store", running.session_store, wanted.session_store);
  compare("bridge.traces", running.traces, wanted.traces);
  compare("bridge.lanes", running.lanes, wanted.lanes);
  compare("bridge.grpc_queues", running.grpc_queues, wanted.grpc_queues);
  compare("bridge.grpc_threads_per_queue", running.grpc_threads_per_queue,
          wanted.grpc_threads_per_queue);
  const BridgeConfig::Limits& had = running.limits;
  const BridgeConfig::Limits& has = wanted.limits;
  compare("bridge.limits.request_bytes", had.request_bytes, has.request_bytes);
  compare("bridge.limits.response_bytes", had.response_bytes, has.response_bytes);
  compare("bridge.limits.header_bytes", had.header_bytes, has.header_bytes);
  compare("bridge.limits.http_connections", had.http_connections, has.http_connections);
  compare("bridge.limits.upstream_connections", had.upstream_connections, has.upstream_connections);
  return errors;
}

std::string ServerChanges::ToString() const {
  std::string text;
  AddPart(text, "added", added);
  AddPart(text, "changed", changed);
  AddPart(text, "adjusted", adjusted);
  AddPart(text, "removed", removed);
  if (!text.empty()) text += ", ";
  return text + std::to_string(kept.size()) + " kept";
}

ServerChanges ChangesOf(const Config& running, const Config& placed) {
  ServerChanges changes;
  for (std::size_t i = 0; i < placed.servers.size(); ++i) {
    const ServerConfig& is = placed.servers[i];
    const bool was_there = i < running.servers.size() && !running.servers[i].absent;
    if (!was_there) {
      if (!is.absent) changes.added.push_back(is.name);
    } else if (is.absent) {
      changes.removed.push_back(is.name);
    } else if (running.servers[i] == is) {
      changes.kept.push_back(is.name);
    } else if (SameConnection(running.servers[i], is)) {
      changes.adjusted.push_back(is.name);
    } else {
      changes.changed.push_back(is.name);
    }
  }
  for (auto* names :
       {&changes.added, &changes.changed, &changes.adjusted, &changes.removed, &changes.kept}) {
    std::ranges::sort(*names);
  }
  return changes;
}

}  // namespace mcpbridge

#include "server/frontend/admin/metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <array>
#include <initializer_list>
#include <limits>
#include <map>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "server/base/version.h"
#include "server/frontend/admin/process_usage.h"

namespace mcpbridge {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

enum Id {
  kBuildInfo,
  kReady,
  kCalls,
  kCallDuration,
  kQueueDuration,
  kUpstreamDuration,
  kInFlight,
  kGate,
  kGateLimit,
  kRefused,
  kSessions,
  kConnections,
  kParked,
  kSubscriptions,
  kUp,
  kState,
  kUpstreamConnections,
  kUpstreamSessions,
  kUpstreamProcesses,
  kUpstreamTools,
  kLogDropped,
  kCpu,
  kResident,
  kOpenFds,
  kMaxFds,
  kStartTime,
  kMetricCount
};

constexpr MetricInfo kMetrics[] = {
    {"mcpbridge_build_info", MetricType::Gauge, "1, with the version of the bridge."},
    {"mcpbridge_ready", MetricType::Gauge, "1 while the bridge takes calls, 0 while it stops."},
    {"mcpbridge_calls_total", MetricType::Counter,
     "Calls that have ended, by how: OK is an answer, anything else a reason of docs/errors.md."},
    {"mcpbridge_call_duration_seconds", MetricType::Histogram,
     "From a call's arrival at its front to its end."},
    {"mcpbridge_call_queue_duration_seconds", MetricType::Histogram,
     "From a call's arrival to its having a lane, a session and a connection to its server."},
    {"mcpbridge_call_upstream_duration_seconds", MetricType::Histogram,
     "From there to the call's end: what its server took."},
    {"mcpbridge_calls_in_flight", MetricType::Gauge,
     "Calls under way; those with an empty server are not yet routed."},
    {"mcpbridge_requests_in_flight", MetricType::Gauge,
     "Requests under way that count towards limits.in_flight_calls, lists included."},
    {"mcpbridge_requests_in_flight_limit", MetricType::Gauge,
     "What limits.in_flight_calls allows of them."},
    {"mcpbridge_refused_total", MetricType::Counter,
     "Requests that were turned away before they became calls, by reason."},
    {"mcpbridge_client_sessions", MetricType::Gauge, "MCP sessions of clients with the bridge."},
    {"mcpbridge_connections", MetricType::Gauge, "Connections from HTTP callers, by listener."},
    {"mcpbridge_parked_calls", MetricType::Gauge,
     "Calls that wait for their callers' answers to a server's question."},
    {"mcpbridge_subscriptions", MetricType::Gauge, "Subscriptions of clients that are open."},
    {"mcpbridge_upstream_up", MetricType::Gauge, "1 while the server serves."},
    {"mcpbridge_upstream_state", MetricType::Gauge,
     "1 for the state that the server is in: connecting, serving, or not_serving (it failed, and "
     "is tried again with backoff)."},
    {"mcpbridge_upstream_connections", MetricType::Gauge,
     "Connections to an http or sse server, idle ones included."},
    {"mcpbridge_upstream_client_sessions", MetricType::Gauge,
     "Sessions with the server that are one client's or one call's own."},
    {"mcpbridge_upstream_processes", MetricType::Gauge, "Processes of a stdio server that run."},
    {"mcpbridge_upstream_tools", MetricType::Gauge, "Tools that the server is known to have."},
    {"mcpbridge_access_log_dropped_total", MetricType::Counter,
     "Lines of the access log that nobody read in time."},
    {"process_cpu_seconds_total", MetricType::Counter, "Processor time that the bridge has used."},
    {"process_resident_memory_bytes", MetricType::Gauge, "Memory of the bridge that is resident."},
    {"process_open_fds", MetricType::Gauge, "File descriptors that are open."},
    {"process_max_fds", MetricType::Gauge, "File descriptors that may be open."},
    {"process_start_time_seconds", MetricType::Gauge, "When the process began, since 1970."},
};
static_assert(std::size(kMetrics) == kMetricCount);

using Labels = std::initializer_list<std::pair<const char*, std::string_view>>;

ClientMetric With(Labels labels) {
  ClientMetric metric;
  for (const auto& [name, value] : labels) metric.label.push_back({name, std::string(value)});
  return metric;
}

double Seconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

// The families under construction.
class Families {
 public:
  Families() {
    for (std::size_t i = 0; i < kMetricCount; ++i) {
      all_[i].name = kMetrics[i].name;
      all_[i].help = kMetrics[i].help;
      all_[i].type = kMetrics[i].type;
    }
  }

  // A counter or a gauge.
  template <class Number>
  void Add(Id id, Labels labels, Number value) {
    ClientMetric metric = With(labels);
    metric.counter.value = static_cast<double>(value);
    metric.gauge.value = static_cast<double>(value);
    all_[id].metric.push_back(std::move(metric));
  }

  void Add(Id id, Labels labels, const Histogram& histogram) {
    ClientMetric metric = With(labels);
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < histogram.counts().size(); ++i) {
      below += histogram.counts()[i];
      const bool is_last = i == Histogram::kBounds.size();
      metric.histogram.bucket.push_back({below, is_last ? std::numeric_limits<double>::infinity()
                                                        : Seconds(Histogram::kBounds[i])});
    }
    metric.histogram.sample_count = below;
    metric.histogram.sample_sum = Seconds(histogram.sum());
    all_[id].metric.push_back(std::move(metric));
  }

  std::string Text() const { return prometheus::TextSerializer().Serialize(all_); }

 private:
  std::vector<MetricFamily> all_ = std::vector<MetricFamily>(kMetricCount);
};

void AddCalls(const BridgeState& state, Families& families) {
  using Key = std::tuple<Front, std::string_view, CallMethod, std::string_view>;
  std::map<Key, CallSeries> sums;
  std::array<Histogram, kFronts> queue{};
  for (const CallCounts& lane : state.counts) {
    for (const CallCounts::Calls& calls : lane.calls) {
      sums[{calls.front, *calls.server, calls.method, *calls.tool}].Add(calls.series);
    }
    for (std::size_t i = 0; i < kFronts; ++i) queue[i].Add(lane.queue[i]);
  }
  const auto add_outcome = [&families](const Key& key, std::optional<Reason> reason,
                                       const CallSeries& sum) {
    const std::uint64_t count = sum.ended(reason);
    if (count == 0) return;
    families.Add(kCalls,
                 {{"front", NameOf(std::get<0>(key))},
                  {"server", std::get<1>(key)},
                  {"method", NameOf(std::get<2>(key))},
                  {"tool", std::get<3>(key)},
                  {"reason", OutcomeName(reason)}},
                 count);
  };
  for (const auto& [key, sum] : sums) {
    add_outcome(key, std::nullopt, sum);
    for (const Reason reason : AllReasons()) add_outcome(key, reason, sum);
    families.Add(kCallDuration,
                 {{"front", NameOf(std::get<0>(key))},
                  {"server", std::get<1>(key)},
                  {"method", NameOf(std::get<2>(key))},
                  {"tool", std::get<3>(key)}},
                 sum.total());
  }
  for (std::size_t i = 0; i < kFronts; ++i) {
    families.Add(kQueueDuration, {{"front", kFrontNames[i]}}, queue[i]);
  }
}

void AddServersCalls(const BridgeState& state, Families& families) {
  struct Sum {
    Histogram upstream;
    std::array<std::size_t, kFronts> in_flight{};
  };
  std::map<std::string_view, Sum> sums;
  for (const CallCounts& lane : state.counts) {
    for (const CallCounts::Server& server : lane.servers) {
      Sum& sum = sums[*server.server];
      sum.upstream.Add(server.upstream);
      for (std::size_t i = 0; i < kFronts; ++i) sum.in_flight[i] += server.in_flight[i];
    }
  }
  for (const auto& [name, sum] : sums) {
    if (!name.empty()) families.Add(kUpstreamDuration, {{"server", name}}, sum.upstream);
    for (std::size_t i = 0; i < kFronts; ++i) {
      families.Add(kInFlight, {{"front", kFrontNames[i]}, {"server", name}}, sum.in_flight[i]);
    }
  }
}

void AddRefused(const Observer& observer, Families& families) {
  for (std::size_t i = 0; i < kFronts; ++i) {
    for (const Reason reason : AllReasons()) {
      const std::uint64_t count = observer.refused(static_cast<Front>(i), reason);
      // What is common is there from the start, so that its first time is seen as a rise.
      const bool common = reason == Reason::kOverloaded || reason == Reason::kUnauthenticated;
      if (count == 0 && (!common || static_cast<Front>(i) == Front::kBridge)) continue;
      families.Add(kRefused, {{"front", kFrontNames[i]}, {"reason", InfoOf(reason).name}}, count);
    }
  }
}

void AddServers(const StateSources& from, const BridgeState& state, Families& families) {
  constexpr std::pair<UpstreamHealth, const char*> kStates[] = {
      {UpstreamHealth::kConnecting, "connecting"},
      {UpstreamHealth::kServing, "serving"},
      {UpstreamHealth::kNotServing, "not_serving"}};
  std::vector<UpstreamPool::Usage> usage = state.usage;
  from.service.pool().AddSessions(usage);
  auto statuses = from.service.status().Snapshot();
  const auto& servers = state.table->config().servers;
  for (std::size_t i = 0; i < servers.size(); ++i) {
    if (servers[i].absent) continue;
    const std::string& name = servers[i].name;
    const UpstreamHealth health = statuses[name].health;
    families.Add(kUp, {{"server", name}}, health == UpstreamHealth::kServing);
    for (const auto& [which, word] : kStates) {
      families.Add(kState, {{"server", name}, {"state", word}}, health == which);
    }
    families.Add(kUpstreamConnections, {{"server", name}}, usage[i].connections);
    families.Add(kUpstreamSessions, {{"server", name}}, usage[i].sessions);
    families.Add(kUpstreamProcesses, {{"server", name}}, usage[i].processes);
    families.Add(kUpstreamTools, {{"server", name}}, ToolCount(*state.table, i));
  }
}

void AddProcess(Families& families) {
  const ProcessUsage usage = ProcessUsage::Now();
  families.Add(kCpu, {}, usage.cpu_seconds);
  families.Add(kResident, {}, usage.resident_bytes);
  families.Add(kOpenFds, {}, usage.open_fds);
  families.Add(kMaxFds, {}, usage.max_fds);
  families.Add(kStartTime, {}, usage.start_seconds);
}

}  // namespace

std::span<const MetricInfo> AllMetrics() { return kMetrics; }

std::string MetricsText(const StateSources& from, const BridgeState& state,
                        const ListenerState& listeners) {
  ToolService& service = from.service;
  Families families;
  families.Add(kBuildInfo, {{"version", kVersion}}, 1);
  families.Add(kReady, {}, service.status().serving());
  AddCalls(state, families);
  AddServersCalls(state, families);
  AddRefused(service.observer(), families);
  families.Add(kGate, {}, service.gate().count());
  families.Add(kGateLimit, {}, state.table->config().bridge.limits.in_flight_calls);
  families.Add(kSessions, {}, from.sessions.size());
  families.Add(kConnections, {{"listener", "http"}}, listeners.http_connections);
  families.Add(kConnections, {{"listener", "admin"}}, listeners.admin_connections);
  families.Add(kParked, {}, service.parked().size());
  families.Add(kSubscriptions, {}, service.subscription_count());
  AddServers(from, state, families);
  families.Add(kLogDropped, {}, service.observer().dropped_log_lines());
  AddProcess(families);
  return families.Text();
}

}  // namespace mcpbridge

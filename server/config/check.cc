// CheckConfig: what must hold between settings, wherever they came from.
#include <algorithm>
#include <array>
#include <chrono>
#include <string>
#include <utility>

#include "server/config/load.h"

namespace mcpbridge {
namespace {

constexpr long long kMiB = 1LL << 20;
// gRPC's and Beast's own limits are 32-bit; 1 GiB leaves both room.
constexpr long long kMaxBytes = 1024 * kMiB;

// A key that nobody guesses, in any usual spelling: 32 hex digits are 128 bits.
constexpr std::size_t kLeastKey = 32;

struct Range {
  const char* path;
  long long value;
  long long min;
  long long max;
};

class Checker {
 public:
  Checker(const BridgeConfig& bridge, std::string file) : bridge_(bridge), file_(std::move(file)) {}

  void Add(const std::string& path, std::string message) {
    errors_.push_back({file_, 0, path, std::move(message)});
  }

  void CheckExposure(const std::string& path, const ListenAddress& address, bool has_key) {
    if (address.is_loopback() || has_key || bridge_.allow_unauthenticated) return;
    Add(path,
        "other machines can reach " + address.ToString() +
            " and call every tool without a key. Either set general_settings.master_key; or listen "
            "on 127.0.0.1 or a unix socket; or, where something in front of the bridge already "
            "checks the callers, set bridge.allow_unauthenticated: true");
  }

  void CheckFrontsApart() {
    CheckApart("bridge.grpc_listen", bridge_.grpc_listen, "bridge.http_listen",
               bridge_.http_listen);
    if (!bridge_.admin_listen) return;
    CheckApart("bridge.admin_listen", *bridge_.admin_listen, "bridge.http_listen",
               bridge_.http_listen);
    CheckApart("bridge.admin_listen", *bridge_.admin_listen, "bridge.grpc_listen",
               bridge_.grpc_listen);
  }

  void CheckApart(const char* path, const ListenAddress& address, const std::string& other_path,
                  const ListenAddress& other) {
    if (other.is_unix() && other.unix_path == address.unix_path) {
      Add(path, "is the same socket as " + other_path);
    } else if (!other.is_unix() && !address.is_unix() && other.port != 0 &&
               other.port == address.port) {
      Add(path, "has the same port as " + other_path + ", " + std::to_string(other.port));
    }
  }

  void CheckNumbers() {
    const BridgeConfig::Limits& limits = bridge_.limits;
    const auto bytes = [](std::size_t n) {
      return static_cast<long long>(std::min<std::size_t>(n, std::size_t{kMaxBytes} + 1));
    };
    const Range ranges[] = {
        {"bridge.lanes", bridge_.lanes, 0, 256},
        {"bridge.grpc_queues", bridge_.grpc_queues, 1, 64},
        {"bridge.grpc_threads_per_queue", bridge_.grpc_threads_per_queue, 1, 64},
        {"bridge.limits.in_flight_calls", limits.in_flight_calls, 1, 1'000'000},
        {"bridge.limits.request_bytes", bytes(limits.request_bytes), 1, kMaxBytes},
        {"bridge.limits.response_bytes", bytes(limits.response_bytes), 1, kMaxBytes},
        {"bridge.limits.header_bytes", bytes(limits.header_bytes), 1, kMiB},
        {"bridge.limits.http_connections", limits.http_connections, 1, 1'000'000},
        {"bridge.limits.sessions", limits.sessions, 1, 1'000'000},
        {"bridge.limits.replay_bytes", bytes(limits.replay_bytes), 1, kMaxBytes},
        {"bridge.limits.client_processes", limits.client_processes, 1, 1'000'000},
        {"bridge.limits.parked_calls", limits.parked_calls, 1, 1'000'000},
        {"bridge.limits.upstream_connections", limits.upstream_connections, 1, 1'000'000},
    };
    for (const Range& range : ranges) {
      if (range.value >= range.min && range.value <= range.max) continue;
      Add(range.path,
          "must be between " + std::to_string(range.min) + " and " + std::to_string(range.max));
    }
  }

  void CheckDurations() {
    if (bridge_.limits.call_timeout.count() <= 0) {
      Add("bridge.limits.call_timeout", "must be longer than 0");
    }
    if (bridge_.catalogue_ttl.count() <= 0) Add("bridge.catalogue_ttl", "must be longer than 0");
    // Sessions are looked through as often.
    if (bridge_.session_idle < std::chrono::seconds(1)) {
      Add("bridge.session_idle", "must be at least 1s");
    }
    // What ids say of it are whole seconds.
    if (bridge_.session_max_age < std::chrono::seconds(1)) {
      Add("bridge.session_max_age", "must be at least 1s");
    }
    if (bridge_.drain_grace.count() < 0) Add("bridge.drain_grace", "must not be below 0");
  }

  void CheckSessionKey() {
    if (bridge_.session_store && bridge_.session_key.empty()) {
      Add("bridge.session_store", "is of no use without bridge.session_key");
    }
    if (!bridge_.session_key_accepted.empty() && bridge_.session_key.empty()) {
      Add("bridge.session_key_accepted", "is of no use without bridge.session_key");
    }
    for (const auto& [path, key] :
         {std::pair("bridge.session_key", &bridge_.session_key),
          std::pair("bridge.session_key_accepted", &bridge_.session_key_accepted)}) {
      if (key->empty() || key->size() >= kLeastKey) continue;
      Add(path, "must have at least " + std::to_string(kLeastKey) +
                    " characters: make one with openssl rand -hex 32");
    }
  }

  void CheckTraces() {
    if (!bridge_.traces || !bridge_.traces->endpoint.empty()) return;
    Add("bridge.traces", "needs an endpoint: http://HOST:4318/v1/traces, of an OTLP collector");
  }

  void CheckLogLevel() {
    constexpr std::array kLevels{"trace", "debug", "info", "warn", "error", "off"};
    if (std::ranges::find(kLevels, bridge_.log_level) != kLevels.end()) return;
    Add("bridge.log_level", "expected one of trace, debug, info, warn, error, off");
  }

  void CheckAccessLog() {
    constexpr std::array kFormats{"off", "text", "json"};
    if (std::ranges::find(kFormats, bridge_.access_log) != kFormats.end()) return;
    Add("bridge.access_log", "expected one of off, text, json");
  }

  std::vector<ConfigError> Take() { return std::move(errors_); }

 private:
  const BridgeConfig& bridge_;
  const std::string file_;
  std::vector<ConfigError> errors_;
};

}  // namespace

std::vector<ConfigError> CheckConfig(const Config& config, const std::string& file) {
  Checker checker(config.bridge, file);
  const bool has_key = !config.master_key.empty();
  checker.CheckExposure("bridge.http_listen", config.bridge.http_listen, has_key);
  checker.CheckExposure("bridge.grpc_listen", config.bridge.grpc_listen, has_key);
  if (config.bridge.admin_listen) {
    checker.CheckExposure("bridge.admin_listen", *config.bridge.admin_listen, has_key);
  }
  checker.CheckFrontsApart();
  checker.CheckNumbers();
  checker.CheckDurations();
  checker.CheckSessionKey();
  checker.CheckTraces();
  checker.CheckLogLevel();
  checker.CheckAccessLog();
  return checker.Take();
}

}  // namespace mcpbridge

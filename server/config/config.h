#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace mcpbridge {

// Where a front listens: "host:port" (port 0: any free one) or "unix:/path".
struct ListenAddress {
  std::string host;        // empty for a unix socket; "localhost" or an IP literal otherwise
  std::uint16_t port = 0;  // 0: any free port
  std::string unix_path;   // empty for TCP

  bool is_unix() const { return !unix_path.empty(); }
  // Reachable from this machine only: a unix socket, localhost, 127.0.0.0/8, ::1.
  bool is_loopback() const;
  // "127.0.0.1:4000", "[::1]:4000", "unix:/run/b.sock".
  std::string ToString() const;

  bool operator==(const ListenAddress&) const = default;
};

// Where Redis is.
struct StoreAddress {
  std::string host;  // a name or an address
  std::uint16_t port = 6379;
  std::string unix_path;  // instead of both; empty: none
  std::string user;       // empty: Redis's default user
  std::string password;   // empty: none. Secret.
  int database = 0;

  // For people, without user and password.
  std::string ToString() const;

  bool operator==(const StoreAddress&) const = default;
};

// How a server wants to see our credential; each names the header that carries `auth_value`.
enum class AuthType {
  kNone,
  kApiKey,         // X-API-Key: v
  kBearerToken,    // Authorization: Bearer v
  kBasic,          // Authorization: Basic base64(v)
  kAuthorization,  // Authorization: v
  kToken,          // Authorization: token v
};

enum class TransportKind {
  kHttp,   // streamable HTTP
  kSse,    // HTTP+SSE, of MCP 2024-11-05
  kStdio,  // a child process
  kGrpc,   // Google's gRPC transport for MCP
};

// Which session of a server calls go through.
enum class Isolation {
  // For a client that has a session with the bridge itself (it began with `initialize`): one of its
  // own, so that what the server keeps for it, and asks it, is nobody else's. Callers without one
  // share.
  kSession,
  kShared,  // the one that all share
  kCall,    // a new one, or a new process, for each call, which ends with it
};

// Which eras of MCP a server is asked for.
enum class Protocol {
  kAuto,    // whatever it speaks
  kLegacy,  // up to 2025-11-25 only
  kModern,  // 2026-07-28 only: it never gets an `initialize`
};

// One entry of `mcp_servers`.
struct ServerConfig {
  std::string name;  // `alias` if given, else the key
  // What else it is called: the key, if it has an alias, and further aliases. Callers may use them;
  // nothing is listed under them.
  std::vector<std::string> other_names;
  // Names of groups that callers can limit themselves to.
  std::vector<std::string> access_groups;
  std::string description;  // may be empty
  TransportKind transport = TransportKind::kHttp;

  // http, sse, grpc
  std::string url;
  // Sent with every request: `static_headers` plus the header that `auth_type` asks for. Secrets.
  std::vector<std::pair<std::string, std::string>> headers;
  // Names, lower case, of caller's headers passed on; `headers` wins over them.
  std::vector<std::string> extra_headers;

  // stdio
  std::string command;
  std::vector<std::string> args;
  std::map<std::string, std::string> env;  // Secrets.

  // Bare tool names. Empty: all are allowed. A tool in both lists is denied.
  std::vector<std::string> allowed_tools;
  std::vector<std::string> disallowed_tools;

  Isolation isolation = Isolation::kSession;
  Protocol protocol =
      Protocol::kAuto;  // sse servers are of the legacy era, grpc servers of the modern one

  // The longest that one call may take, whatever its caller asks. LiteLLM's default is 60 s.
  std::chrono::milliseconds timeout = std::chrono::seconds(60);

  // It was there before the configuration was reloaded and is not any more: only its name and its
  // place are left, so that whoever still holds the place finds nobody else in it.
  bool absent = false;

  bool operator==(const ServerConfig&) const = default;
};

// What makes the bridge read its configuration again.
enum class ReloadOn {
  kAuto,    // SIGHUP, and a change of the file
  kSignal,  // SIGHUP alone
  kOff,
};

// Where spans of calls go.
struct TracesConfig {
  std::string endpoint;  // http:// or https://, of OTLP over HTTP: mostly ends in /v1/traces
  double sample = 1;     // the part of calls that nobody has decided about, 0 to 1
  // Sent with each request. Secrets.
  std::vector<std::pair<std::string, std::string>> headers;

  bool operator==(const TracesConfig&) const = default;
};

// `bridge:`, our own settings.
struct BridgeConfig {
  ListenAddress http_listen{.host = "127.0.0.1", .port = 4000, .unix_path = {}};
  ListenAddress grpc_listen{.host = "127.0.0.1", .port = 50051, .unix_path = {}};
  // Where operators look: metrics, the status page. nullopt: nowhere.
  std::optional<ListenAddress> admin_listen =
      ListenAddress{.host = "127.0.0.1", .port = 4001, .unix_path = {}};

  // Asked for in words: listen beyond this machine although there is no master key.
  bool allow_unauthenticated = false;

  // Browser origins allowed beside localhost, e.g. "https://app.example.com".
  std::vector<std::string> allowed_origins;
  // Host header values (no port) allowed on a loopback listener beside localhost, 127.0.0.1, [::1].
  std::vector<std::string> allowed_hosts;

  // Threads that own the connections. 0: as many as the CPUs granted to the process.
  int lanes = 0;
  int grpc_queues = 1;
  int grpc_threads_per_queue = 1;

  struct Limits {
    // Calls under way, both fronts together. 4096 calls of 4 KiB are 16 MiB.
    int in_flight_calls = 4096;
    // One request's body or message. 4 MiB is gRPC's default and that of the MCP SDKs' servers.
    std::size_t request_bytes = 4 << 20;
    // One result. 64 MiB is LiteLLM's bound on one event.
    std::size_t response_bytes = 64 << 20;
    // HTTP request headers, all together.
    std::size_t header_bytes = 16 << 10;
    // Open HTTP connections from callers.
    int http_connections = 8192;
    // Sessions of HTTP clients. An idle one is a few KiB here and a session with each server it
    // uses.
    int sessions = 4096;
    // Messages kept for clients whose event streams break off, all sessions together: 64 sessions
    // may have their 1 MiB.
    std::size_t replay_bytes = 64 << 20;
    // Processes of stdio servers that are one client's own: 64 of 50 MiB are 3 GiB.
    int client_processes = 64;
    // Calls of clients of MCP 2026-07-28 that wait for an answer of theirs to an older server's
    // question: each holds its connection to that server.
    int parked_calls = 256;
    // Connections to one http server, per lane.
    int upstream_connections = 1024;
    // The longest any call may take, whatever its caller and its server's `timeout` say.
    std::chrono::milliseconds call_timeout = std::chrono::minutes(10);

    bool operator==(const Limits&) const = default;
  } limits;

  // A client's session that hasn't been used for so long is over.
  std::chrono::milliseconds session_idle = std::chrono::hours(1);
  // Seals the ids of clients' sessions, so that every bridge that has it can go on with the
  // sessions of the others. Empty: each bridge has sessions of its own. Secret.
  std::string session_key;
  // Ids that this key has sealed are taken too, so that the key can be changed. Empty: none.
  // Secret.
  std::string session_key_accepted;
  // How long after its `initialize` a session may be taken over by another bridge.
  std::chrono::milliseconds session_max_age = std::chrono::hours(24);
  // Where bridges of the same key tell each other of their clients' sessions. nullopt: nowhere.
  std::optional<StoreAddress> session_store;
  // How long calls in flight may take to finish after SIGTERM.
  std::chrono::milliseconds drain_grace = std::chrono::seconds(20);
  // How old a server's list of tools may grow before it is asked again.
  std::chrono::milliseconds catalogue_ttl = std::chrono::seconds(60);

  // nullopt: no spans are made.
  std::optional<TracesConfig> traces;

  std::string log_level = "info";  // trace|debug|info|warn|error|off
  std::string access_log = "off";  // a line for each call: off|text|json
  ReloadOn reload = ReloadOn::kAuto;

  bool operator==(const BridgeConfig&) const = default;
};

// The whole configuration, immutable once it is in use. A reload makes another (Placed()), in which
// each server keeps its place: an index into `servers` means the same name for the life of the
// process.
struct Config {
  std::vector<ServerConfig> servers;  // sorted by name, unless `order` says otherwise
  std::string master_key;             // empty: no key is needed. Secret.
  BridgeConfig bridge;
  // The servers that there are, sorted by name, as indices into `servers`. Empty: all, as they
  // stand.
  std::vector<std::size_t> order = {};

  std::size_t server_count() const { return order.empty() ? servers.size() : order.size(); }
  // Of the server that comes as the `position`th by name.
  std::size_t IndexAt(std::size_t position) const {
    return order.empty() ? position : order[position];
  }
};

// What is wrong with a configuration, and where.
struct ConfigError {
  std::string file;
  int line = 0;      // 1-based; 0: the file as a whole
  std::string path;  // e.g. "mcp_servers.github.url"
  std::string message;

  // "bridge.yaml:12: mcp_servers.github.url: ..."
  std::string ToString() const;
};

}  // namespace mcpbridge

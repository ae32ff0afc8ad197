#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace mcpbridge {

enum class UpstreamHealth { kConnecting, kServing, kNotServing };

// How one server is, as of the last that was heard of it.
struct UpstreamStatus {
  UpstreamHealth health = UpstreamHealth::kConnecting;
  std::string protocol_version;  // empty: never connected
  std::string last_error;        // empty: none since it last served
  std::string server_name;       // the server's own; empty: never connected
  std::string server_version;
  std::string capabilities;  // raw JSON object, as the server sent it; empty: none
  std::string instructions;  // raw JSON string; empty: none
  // What it declared (see InitializeResult).
  bool has_tools = false;
  bool has_resources = false;
  bool has_prompts = false;

  bool operator==(const UpstreamStatus&) const = default;
};

// The status of every server, and of the bridge itself. Written by upstreams when something
// changes, read by ListServers and the health service: never on the path of a call. Thread-safe.
class StatusBoard {
 public:
  // Every change of a health, and of which servers there are: `server` is empty for the bridge
  // itself, and where it is about all. Runs on the thread that
  // caused the change, after the lock is released; must not block.
  using Watcher = std::function<void(const std::string& server, bool serving)>;

  explicit StatusBoard(const std::vector<std::string>& servers);

  // Copies `change`d status in; logs and tells the watcher if the health is another than before.
  // `number`: whose word it is; only that of the server's own counts (see Change()).
  void Update(const std::string& server, const std::function<void(UpstreamStatus&)>& change,
              std::uint64_t number = 0);

  // There are these servers now, with their numbers. One whose number is another than before is
  // another server: nothing is known of it. Tells the watcher.
  void Change(const std::map<std::string, std::uint64_t>& servers);

  // Whether the bridge itself takes calls.
  void SetServing(bool serving);
  bool serving() const;

  // Of one server.
  UpstreamStatus Of(const std::string& server) const;

  // By name, sorted.
  std::map<std::string, UpstreamStatus> Snapshot() const;

  // Set once, before anything is started; empty removes it.
  void SetWatcher(Watcher watcher);

 private:
  struct Entry {
    UpstreamStatus status;
    std::uint64_t number = 0;
  };

  mutable std::mutex mutex_;
  std::map<std::string, Entry> servers_;
  bool serving_ = false;
  Watcher watcher_;
};

}  // namespace mcpbridge

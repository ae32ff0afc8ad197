#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "server/base/error.h"
#include "server/config/config.h"
#include "server/trace/span.h"
#include "server/trace/trace_context.h"
#include "server/upstream/http_url.h"

namespace mcpbridge {

class Tracer;

// The two spans of one call: of the bridge serving it, and of its request to a server. Made for
// calls that are sampled only. Owned by the call; one lane.
class CallTrace {
 public:
  CallTrace(Tracer& tracer, const std::optional<TraceContext>& parent);
  CallTrace(const CallTrace&) = delete;
  CallTrace& operator=(const CallTrace&) = delete;
  // A call that hasn't ended is cancelled.
  ~CallTrace();

  // What the request to the server says of where it stands.
  const TraceContext& outgoing() const { return outgoing_; }

  // `target`: the tool or prompt; empty: none. `attribute`: what it is called in MCP's conventions.
  void Begin(std::string_view method, std::string_view attribute, std::string_view target);
  // The request goes to the server of this name. Where it goes to another later, that one counts.
  void Sent(std::string_view server);
  // `error_type`: empty where the call has succeeded.
  void End(std::string_view error_type, std::string_view message);

 private:
  Tracer& tracer_;
  TraceContext outgoing_;
  TraceSpan serving_;
  std::optional<TraceSpan> sending_;
  bool ended_ = false;
};

// Decides which calls are traced and brings their spans to a collector, by OTLP over HTTP, on a
// thread of its own: nothing waits for it. Thread-safe.
class Tracer {
 public:
  // Spans that wait; beyond it new ones are dropped and counted.
  static constexpr std::size_t kMostWaiting = 4096;
  // In one request.
  static constexpr std::size_t kMostAtOnce = 512;

  // Keeps `config`, whose endpoint is valid.
  explicit Tracer(const TracesConfig& config);
  ~Tracer();
  Tracer(const Tracer&) = delete;
  Tracer& operator=(const Tracer&) = delete;

  // Sends what waits, for at most a few seconds. Idempotent.
  void Stop();

  // Null: the call isn't traced. The caller decides where it is in a trace; otherwise it is one of
  // `sample`.
  std::unique_ptr<CallTrace> Begin(const std::optional<TraceContext>& parent);

  void Add(TraceSpan span);

  std::uint64_t dropped() const { return dropped_.load(); }

 private:
  void Run();
  std::vector<TraceSpan> Take();
  void Deliver(const std::vector<TraceSpan>& spans);
  bool Pause();

  const TracesConfig config_;
  const HttpUrl url_;
  const std::vector<std::pair<std::string, std::string>> resource_;
  std::atomic<std::uint64_t> dropped_{0};

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<TraceSpan> waiting_;
  bool stopping_ = false;
  bool works_ = true;  // the thread's own
  std::thread thread_;
};

}  // namespace mcpbridge

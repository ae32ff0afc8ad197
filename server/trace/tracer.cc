#include "server/trace/tracer.h"

#include <openssl/rand.h>
#include <simdjson.h>

#include <random>
#include <utility>

#include "server/base/log.h"
#include "server/base/version.h"
#include "server/trace/collector_post.h"

namespace mcpbridge {
namespace {

using Clock = std::chrono::system_clock;

// How long spans wait for others.
constexpr std::chrono::milliseconds kGather{1000};
// Of one request to the collector.
constexpr std::chrono::milliseconds kPatience{5000};
constexpr std::chrono::milliseconds kPause{1000};
constexpr int kTries = 3;

// Of a text that comes from outside: with it 4096 spans that wait are a few MiB.
constexpr std::size_t kMostText = 256;

// `text`, not too long, and valid UTF-8, without which a collector refuses the whole batch.
std::string Bounded(std::string_view text) {
  std::string bounded(text.substr(0, kMostText));
  if (simdjson::validate_utf8(bounded)) return bounded;
  for (char& c : bounded) {
    if (static_cast<unsigned char>(c) >= 0x80) c = '?';
  }
  return bounded;
}

// Ids need to be different, not secret.
std::uint64_t RandomBits() {
  thread_local std::mt19937_64 generator([] {
    std::uint64_t seed = 0;
    RAND_bytes(reinterpret_cast<unsigned char*>(&seed), sizeof seed);
    return seed;
  }());
  return generator();
}

std::string RandomHex(int words) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (int i = 0; i < words; ++i) {
    std::uint64_t bits = RandomBits() | 1;  // never all zeros
    for (int digit = 0; digit < 16; ++digit, bits >>= 4) hex += kDigits[bits & 0xf];
  }
  return hex;
}

}  // namespace

CallTrace::CallTrace(Tracer& tracer, const std::optional<TraceContext>& parent) : tracer_(tracer) {
  serving_.trace_id = parent ? parent->trace_id : RandomHex(2);
  serving_.span_id = RandomHex(1);
  if (parent) serving_.parent_id = parent->span_id;
  if (parent) serving_.state = parent->state;
  serving_.begin = Clock::now();
  outgoing_ = {.trace_id = serving_.trace_id,
               .span_id = RandomHex(1),
               .sampled = true,
               .state = serving_.state};
}

CallTrace::~CallTrace() { End(InfoOf(Reason::kCancelled).name, "the caller cancelled the call"); }

void CallTrace::Begin(std::string_view method, std::string_view attribute,
                      std::string_view target) {
  serving_.name = method;
  serving_.attributes.emplace_back("mcp.method.name", method);
  if (attribute.empty() || target.empty()) return;
  const std::string name = Bounded(target);
  serving_.name.append(" ").append(name);
  serving_.attributes.emplace_back(attribute, name);
  if (attribute == "gen_ai.tool.name") {
    serving_.attributes.emplace_back("gen_ai.operation.name", "execute_tool");
  }
}

void CallTrace::Sent(std::string_view server) {
  if (sending_) return;
  sending_ = serving_;
  sending_->span_id = outgoing_.span_id;
  sending_->parent_id = serving_.span_id;
  sending_->kind = TraceSpan::Kind::kClient;
  sending_->begin = Clock::now();
  sending_->attributes.emplace_back("mcpbridge.server", server);
  serving_.attributes.emplace_back("mcpbridge.server", server);
}

void CallTrace::End(std::string_view error_type, std::string_view message) {
  if (ended_) return;
  ended_ = true;
  const auto now = Clock::now();
  const auto finish = [&](TraceSpan& span) {
    span.end = now;
    if (!error_type.empty()) {
      span.failed = true;
      span.message = Bounded(message);
      span.attributes.emplace_back("error.type", error_type);
    }
    tracer_.Add(std::move(span));
  };
  if (sending_) finish(*sending_);
  finish(serving_);
}

Tracer::Tracer(const TracesConfig& config)
    : config_(config),
      url_(ParseHttpUrl(config.endpoint).value_or(HttpUrl{})),
      resource_{{"service.name", "mcp-bridge"},
                {"service.version", std::string(kVersion)},
                {"service.instance.id", RandomHex(2)}} {
  thread_ = std::thread([this] { Run(); });
}

Tracer::~Tracer() { Stop(); }

void Tracer::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

std::unique_ptr<CallTrace> Tracer::Begin(const std::optional<TraceContext>& parent) {
  const bool sampled =
      parent ? parent->sampled : static_cast<double>(RandomBits() >> 11) * 0x1p-53 < config_.sample;
  return sampled ? std::make_unique<CallTrace>(*this, parent) : nullptr;
}

void Tracer::Add(TraceSpan span) {
  bool is_batch = false;
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() >= kMostWaiting || stopping_) {
      dropped_.fetch_add(1);
      return;
    }
    waiting_.push_back(std::move(span));
    is_batch = waiting_.size() == kMostAtOnce;
  }
  if (is_batch) changed_.notify_all();
}

std::vector<TraceSpan> Tracer::Take() {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, kGather, [this] { return stopping_ || waiting_.size() >= kMostAtOnce; });
  std::vector<TraceSpan> taken;
  while (!waiting_.empty() && taken.size() < kMostAtOnce) {
    taken.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  return taken;
}

void Tracer::Run() {
  for (;;) {
    const std::vector<TraceSpan> spans = Take();
    if (!spans.empty()) Deliver(spans);
    const std::lock_guard lock(mutex_);
    if (!stopping_ || (!waiting_.empty() && works_)) continue;
    dropped_.fetch_add(std::exchange(waiting_, {}).size());
    return;
  }
}

void Tracer::Deliver(const std::vector<TraceSpan>& spans) {
  const std::string body = EncodeSpans(spans, resource_, kVersion);
  CollectorAnswer answer;
  for (int i = 0; i < kTries; ++i) {
    answer = PostToCollector(url_, config_.headers, body, kPatience);
    if (answer.status / 100 == 2) {
      if (!std::exchange(works_, true)) spdlog::info("traces: the collector takes spans again");
      return;
    }
    // 4xx but 429: it won't be another time.
    if ((answer.status / 100 == 4 && answer.status != 429) || !Pause()) break;
  }
  dropped_.fetch_add(spans.size());
  if (std::exchange(works_, false)) {
    spdlog::warn("traces: the collector {} doesn't take spans, they are dropped: {}",
                 url_.Authority(), answer.what);
  }
}

// False: there is no time for it.
bool Tracer::Pause() {
  std::unique_lock lock(mutex_);
  return !changed_.wait_for(lock, kPause, [this] { return stopping_; });
}

}  // namespace mcpbridge

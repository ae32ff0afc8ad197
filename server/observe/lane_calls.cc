#include "server/observe/lane_calls.h"

#include <utility>

#include "server/observe/access_log.h"
#include "server/observe/observer.h"

namespace mcpbridge {
namespace {

const std::string kNone;
const std::string kOther = "other";

// What a call is about, without what may be secret: the query of a URI and whoever is named in it,
// the id of a task, which is all that it takes to use it.
std::string PublicKey(CallMethod method, const std::string& key) {
  switch (method) {
    case CallMethod::kGetTask:
    case CallMethod::kTaskResult:
    case CallMethod::kCancelTask:
    case CallMethod::kUpdateTask:
      return {};
    case CallMethod::kReadResource:
    case CallMethod::kSubscribe:
    case CallMethod::kUnsubscribe:
      break;
    default:
      return key;
  }
  std::string uri = key.substr(0, key.find_first_of("?#"));
  const std::size_t host = uri.find("://");
  if (host == std::string::npos) return uri;
  const std::size_t at = uri.substr(0, uri.find('/', host + 3)).rfind('@');
  if (at != std::string::npos) uri.erase(host + 3, at + 1 - (host + 3));
  return uri;
}

}  // namespace

std::string_view OutcomeName(std::optional<Reason> reason) {
  return reason ? InfoOf(*reason).name : std::string_view("OK");
}

CallMeter::~CallMeter() {
  if (number_ == 0) return;
  End(deadline_.expired() ? Reason::kDeadlineExceeded : Reason::kCancelled);
}

bool CallMeter::wants_peer() const { return lane_.log_ != nullptr; }

void CallMeter::Begin(Front front, CallMethod method, Clock::time_point arrived, std::string peer) {
  front_ = front;
  method_ = method;
  arrived_ = arrived;
  connected_ = Clock::now();
  if (arrived == Clock::time_point()) arrived_ = connected_;
  peer_ = std::move(peer);
  lane_.Begin(*this);
}

bool CallMeter::Route(std::size_t slot, std::string_view tool) {
  return number_ == 0 || lane_.Route(*this, slot, tool);
}

void CallMeter::AddTool(std::string_view tool) { lane_.AddTool(*this, tool); }

void CallMeter::End(std::optional<Reason> reason) {
  if (number_ != 0) lane_.End(*this, reason);
}

LaneCalls::LaneCalls(Observer& observer, Lane& lane, AccessLog* log)
    : observer_(observer), lane_(lane), log_(log), nowhere_(kNone, 0) {}

LaneCalls::~LaneCalls() = default;

ServerCalls& LaneCalls::Of(std::size_t slot) {
  if (slot >= servers_.size()) servers_.resize(slot + 1);
  auto& server = servers_[slot];
  if (server == nullptr) server = std::make_unique<ServerCalls>(observer_.NameOf(slot), slot);
  return *server;
}

void LaneCalls::Begin(CallMeter& meter) {
  meter.number_ = ++last_number_;
  meter.before_ = newest_;
  (newest_ != nullptr ? newest_->next_ : oldest_) = &meter;
  newest_ = &meter;
  meter.server_ = &nowhere_;
  meter.series_ = &nowhere_.methods[static_cast<std::size_t>(meter.method_)];
  ++nowhere_.in_flight[IndexOf(meter.front_)];
}

bool LaneCalls::Route(CallMeter& meter, std::size_t slot, std::string_view tool) {
  ServerCalls& server = Of(slot);
  --meter.server_->in_flight[IndexOf(meter.front_)];
  ++server.in_flight[IndexOf(meter.front_)];
  meter.server_ = &server;
  if (meter.method_ != CallMethod::kCallTool) {
    meter.series_ = &server.methods[static_cast<std::size_t>(meter.method_)];
    return true;
  }
  const auto known = server.tools.find(tool);
  meter.series_ = known != server.tools.end() ? &known->second : &server.other_tools;
  return known != server.tools.end() || server.full;
}

void LaneCalls::AddTool(CallMeter& meter, std::string_view tool) {
  if (meter.number_ == 0) return;
  const std::string* const label = observer_.LabelFor(meter.server_->slot, tool);
  if (label == nullptr) {
    meter.server_->full = true;
    return;
  }
  SeriesByFront& series = meter.server_->tools[*label];
  series.tool = label;
  meter.series_ = &series;
}

void LaneCalls::End(CallMeter& meter, std::optional<Reason> reason) {
  const auto now = CallMeter::Clock::now();
  ServerCalls& server = *meter.server_;
  const auto front = IndexOf(meter.front_);
  std::unique_ptr<CallSeries>& series = meter.series_->of[front];
  if (series == nullptr) {
    series = std::make_unique<CallSeries>();
    ++series_;
  }
  series->Add(now - meter.arrived_, reason);
  --server.in_flight[front];
  if (&server != &nowhere_) {
    queue_[front].Add(meter.connected_ - meter.arrived_);
    server.upstream.Add(now - meter.connected_);
  }
  if (log_ != nullptr) {
    log_->Write(lane_, {.id = IdOf(meter),
                        .front = meter.front_,
                        .peer = meter.peer_,
                        .server = *server.name,
                        .method = NameOf(meter.method_),
                        .key = PublicKey(meter.method_, meter.key_),
                        .outcome = OutcomeName(reason),
                        .queue = meter.connected_ - meter.arrived_,
                        .upstream = now - meter.connected_});
  }
  (meter.before_ != nullptr ? meter.before_->next_ : oldest_) = meter.next_;
  (meter.next_ != nullptr ? meter.next_->before_ : newest_) = meter.before_;
  meter.number_ = 0;
}

std::string LaneCalls::IdOf(const CallMeter& meter) const {
  return std::to_string(lane_.index()) + "-" + std::to_string(meter.number_);
}

CallCounts LaneCalls::Copy() const {
  CallCounts counts{.calls = {}, .servers = {}, .queue = queue_};
  counts.calls.reserve(series_);
  const auto copy_series = [&counts](const ServerCalls& server, const SeriesByFront& series,
                                     CallMethod method, const std::string& tool) {
    for (std::size_t i = 0; i < kFronts; ++i) {
      if (series.of[i] == nullptr) continue;
      counts.calls.push_back({static_cast<Front>(i), method, server.name, &tool, *series.of[i]});
    }
  };
  const auto copy = [&](const ServerCalls& server) {
    for (const auto& [name, series] : server.tools) {
      copy_series(server, series, CallMethod::kCallTool, *series.tool);
    }
    copy_series(server, server.other_tools, CallMethod::kCallTool, kOther);
    for (std::size_t i = 0; i < server.methods.size(); ++i) {
      copy_series(server, server.methods[i], static_cast<CallMethod>(i), kNone);
    }
    counts.servers.push_back({server.name, server.upstream, server.in_flight});
  };
  copy(nowhere_);
  for (const auto& server : servers_) {
    if (server != nullptr) copy(*server);
  }
  return counts;
}

void LaneCalls::ListTo(std::vector<LiveCall>& calls, std::size_t most) const {
  const auto now = CallMeter::Clock::now();
  for (const CallMeter* call = oldest_; call != nullptr && most > 0; call = call->next_, --most) {
    std::optional<std::chrono::nanoseconds> left;
    if (!call->deadline_.never()) left = call->deadline_.at() - now;
    calls.push_back({IdOf(*call), call->front_, call->method_, *call->server_->name,
                     PublicKey(call->method_, call->key_), now - call->arrived_, left});
  }
}

}  // namespace mcpbridge

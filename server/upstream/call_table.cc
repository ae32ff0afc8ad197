#include "server/upstream/call_table.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "server/mcp/modern_meta.h"
#include "server/mcp/tasks.h"

namespace mcpbridge {
namespace {

// For so long a server may go on speaking of a request that has been cancelled.
constexpr std::chrono::seconds kLateTime{30};

}  // namespace

std::optional<std::int64_t> CallTable::IdFrom(std::string_view raw) {
  std::int64_t id = 0;
  const char* const end = raw.data() + raw.size();
  const auto [stopped, error] = std::from_chars(raw.data(), end, id);
  if (error != std::errc() || stopped != end) return std::nullopt;
  return id;
}

void CallTable::AddSent(const OutgoingRequest& request, ReplySink& sink,
                        std::shared_ptr<ReplySink> owner) {
  calls_.emplace(request.id, Call{.sink = &sink,
                                  .owner = std::move(owner),
                                  .waiting = std::nullopt,
                                  .takes_messages = request.takes_messages});
}

void CallTable::AddWaiting(OutgoingRequest request, ReplySink& sink,
                           std::shared_ptr<ReplySink> owner) {
  const std::int64_t id = request.id;
  waiting_bytes_ += request.text.size();
  waiting_.push_back(id);
  const bool takes_messages = request.takes_messages;
  calls_.emplace(id, Call{.sink = &sink,
                          .owner = std::move(owner),
                          .waiting = std::move(request),
                          .takes_messages = takes_messages});
}

std::vector<OutgoingRequest> CallTable::TakeWaiting() {
  std::vector<OutgoingRequest> requests;
  waiting_bytes_ = 0;
  for (const std::int64_t id : std::exchange(waiting_, {})) {
    const auto found = calls_.find(id);
    if (found == calls_.end()) continue;
    requests.push_back(*std::exchange(found->second.waiting, std::nullopt));
    found->second.sent_at = Deadline::Clock::now();
  }
  return requests;
}

CallTable::Removed CallTable::Remove(std::int64_t id) {
  const auto found = calls_.find(id);
  if (found == calls_.end()) return Removed::kUnknown;
  const std::optional<OutgoingRequest> waiting = std::move(found->second.waiting);
  const bool takes_messages = found->second.takes_messages;
  calls_.erase(found);
  if (!waiting) {
    if (takes_messages) foreign_until_ = Deadline::After(kLateTime);
    return Removed::kSent;
  }
  waiting_bytes_ -= waiting->text.size();
  if (calls_.empty()) waiting_.clear();
  return Removed::kWaiting;
}

std::optional<CallTable::Call> CallTable::Take(std::string_view raw_id) {
  // An answer to what hasn't been asked yet is none.
  Call* const found = Find(raw_id);
  if (found == nullptr) return std::nullopt;
  std::optional<Call> call = std::move(*found);
  calls_.erase(*IdFrom(raw_id));
  return call;
}

ReplySink* CallTable::OwnerOf(jsonrpc::Message& notification) {
  Call* call = nullptr;
  if (notification.method == "notifications/progress") {
    const std::string_view token = ProgressTokenOf(notification);
    if (one_client_ && IsTaskToken(token)) return LikelyOwner();  // the call may be over
    call = Find(token);
  } else if (const std::string id = SubscriptionOf(notification.params); !id.empty()) {
    call = Find(id);
  } else {
    return LikelyOwner();
  }
  return call == nullptr ? nullptr : call->sink;
}

// Nothing says which request a log message or a question belongs to. Where all are one client's,
// the last one will do; otherwise it is certain only where there is one, and no other lately.
ReplySink* CallTable::LikelyOwner() {
  const auto takers = std::count_if(calls_.begin(), calls_.end(),
                                    [](const auto& entry) { return entry.second.takes_messages; });
  if (!one_client_ && (takers != 1 || !foreign_until_.expired())) return nullptr;
  ReplySink* last = nullptr;
  std::int64_t last_id = 0;
  for (auto& [id, call] : calls_) {
    if (id <= last_id || call.waiting || !call.takes_messages) continue;
    last_id = id;
    last = call.sink;
  }
  return last;
}

void CallTable::FailAll(const Error& error) {
  ++stream_;
  waiting_.clear();
  waiting_bytes_ = 0;
  // A handler may remove others, so nothing of the map is held across it.
  while (!calls_.empty()) {
    const Call call = std::move(calls_.begin()->second);
    calls_.erase(calls_.begin());
    Error told = error;
    // What the server may have seen may also have been done: nobody is told to try it again.
    if (!call.waiting) {
      told.retry_after.reset();
      if (told.reason == Reason::kUpstreamUnavailable) told.reason = Reason::kUpstreamLost;
    }
    call.sink->Deliver(std::move(told), nullptr);
  }
  waiting_bytes_ = 0;  // whatever sinks have removed meanwhile
}

void CallTable::Clear() {
  calls_.clear();
  waiting_.clear();
  waiting_bytes_ = 0;
}

CallTable::Call* CallTable::Find(std::string_view raw_id) {
  const std::optional<std::int64_t> id = IdFrom(raw_id);
  const auto found = id ? calls_.find(*id) : calls_.end();
  return found == calls_.end() || found->second.waiting ? nullptr : &found->second;
}

}  // namespace mcpbridge

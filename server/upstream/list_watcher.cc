#include "server/upstream/list_watcher.h"

#include <utility>

#include "server/base/log.h"
#include "server/mcp/json_members.h"
#include "server/mcp/modern_meta.h"

namespace mcpbridge {
namespace {

std::string Params() {
  auto params = JsonMembers::Read(BridgeParams()).value();
  params.Set("notifications",
             ListenNotifications({.tools = true, .prompts = true, .resources = true}));
  return std::move(params).Take();
}

}  // namespace

ListWatcher::ListWatcher(Upstream& modern, Lane& home, std::function<void()> missed)
    : modern_(modern), home_(home), missed_(std::move(missed)) {}

ListWatcher::~ListWatcher() = default;

void ListWatcher::Begin() {
  home_.Post([this] {
    if (stopped_ || listener_ != nullptr) return;
    Disarm();
    ModernListener::Handler& self = *this;
    listener_ = std::make_unique<ModernListener>(modern_, home_, Params(), self);
    if (const auto error = listener_->Open()) OnRefused(*listener_, *error);
  });
}

void ListWatcher::Stop() {
  home_.Post([this] {
    stopped_ = true;
    Disarm();
    listener_.reset();
  });
}

void ListWatcher::OnListening(ModernListener&, const ListenFor& accepted, bool) {
  // A server that has nothing to say needs no connection for it.
  if (!accepted.tools && !accepted.prompts && !accepted.resources) listener_.reset();
  missed_();
}

// Not where the server has no answer now: only what it says for good is believed.
void ListWatcher::OnRefused(ModernListener&, const Error& error) {
  listener_.reset();
  const bool is_verdict = error.upstream || error.reason == Reason::kMethodNotFound ||
                          error.reason == Reason::kUnsupportedProtocolVersion;
  spdlog::debug("upstream {}: does not tell when its lists change{}: {}", modern_.config().name,
                is_verdict ? "" : " for now", error.message);
  if (!is_verdict) home_.deadlines().Arm(*this, Deadline::After(backoff_.Next()));
}

}  // namespace mcpbridge

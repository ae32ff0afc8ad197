#pragma once

#include <functional>
#include <memory>

#include "server/base/backoff.h"
#include "server/runtime/deadline_queue.h"
#include "server/runtime/lane.h"
#include "server/upstream/modern_listener.h"
#include "server/upstream/upstream.h"

namespace mcpbridge {

// Keeps the stream open on which a server of MCP 2026-07-28 says that its lists have changed. What
// is said there reaches UpstreamUse::lists_changed by itself, as on any stream of the server's;
// this one adds what may have been missed. Owned by Server; lives on `home`.
class ListWatcher final : private ModernListener::Handler, private DeadlineEntry {
 public:
  // `missed`: the lists may have changed unheard. On `home`.
  ListWatcher(Upstream& modern, Lane& home, std::function<void()> missed);
  ~ListWatcher();

  // The server has connected: begins, unless it has begun. Any thread.
  void Begin();
  // For good. Any thread.
  void Stop();

 private:
  void OnListening(ModernListener& listener, const ListenFor& accepted, bool again) override;
  void OnHeard(ModernListener&, jsonrpc::Message&) override {}
  void OnRefused(ModernListener& listener, const Error& error) override;
  void OnDeadline() override { Begin(); }

  Upstream& modern_;
  Lane& home_;
  const std::function<void()> missed_;
  std::unique_ptr<ModernListener> listener_;
  Backoff backoff_;
  bool stopped_ = false;
};

}  // namespace mcpbridge

#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "server/mcp/subscriptions.h"
#include "server/runtime/lane.h"
#include "server/upstream/modern_listener.h"
#include "server/upstream/upstream.h"

namespace mcpbridge {

// The resources that one client of the legacy era has subscribed to at a server of the modern one:
// one `subscriptions/listen` with all of them, opened anew when they change. The new stream is open
// before the old one is closed, so nothing is missed. Where a stream breaks, each resource counts
// as updated once the next one is there. Lane-only, on `home`.
class ViewSubscriptions final : private ModernListener::Handler {
 public:
  // nullopt: it is done.
  using Done = std::function<void(std::optional<Error>)>;

  // `meta`: raw params._meta. `announce`: see Unsolicited.
  ViewSubscriptions(Upstream& modern, Lane& home, std::string meta,
                    std::function<void(jsonrpc::Message&)> announce);
  ~ViewSubscriptions();

  Lane& home() const { return home_; }

  // `done` runs once, possibly at once. Errors: kOverloaded, kResourceNotFound (the server doesn't
  // accept it), and why the server couldn't be asked.
  void Subscribe(const std::string& uri, Done done);
  void Unsubscribe(const std::string& uri, const Done& done);
  // For good: whoever waits isn't told any more.
  void Stop();

 private:
  struct Waiting {
    std::string uri;
    Done done;
  };

  void OnListening(ModernListener& listener, const ListenFor& accepted, bool again) override;
  void OnHeard(ModernListener& listener, jsonrpc::Message& message) override;
  void OnRefused(ModernListener& listener, const Error& error) override;

  void Reopen();
  void EndWaiting(const std::function<std::optional<Error>(const std::string& uri)>& outcome);
  void AnnounceUpdate(const std::string& uri);

  Upstream& modern_;
  Lane& home_;
  const std::string meta_;
  const std::function<void(jsonrpc::Message&)> announce_;
  std::set<std::string> uris_;    // those that the server has accepted
  std::vector<Waiting> waiting_;  // for a stream that has theirs
  std::set<std::string> asked_;   // by next_
  std::unique_ptr<ModernListener> current_;
  std::unique_ptr<ModernListener> next_;  // not acknowledged yet
  bool changed_ = false;                  // since next_ was opened
  bool stopped_ = false;
};

}  // namespace mcpbridge

#pragma once

#include <boost/asio/ssl/context.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/base/deadline.h"
#include "server/base/error.h"
#include "server/config/config.h"
#include "server/routing/router.h"
#include "server/runtime/executor.h"
#include "server/upstream/catalogue_loader.h"
#include "server/upstream/status.h"
#include "server/upstream/upstream.h"

namespace mcpbridge {

// Owns every upstream for the life of the process, and keeps the lists of what each has. Owned by
// App. Nothing that belongs to a call can end a session through it: calls get an Exchange only.
class UpstreamPool {
 public:
  UpstreamPool(const Config& config, Executor& executor, Router& router, StatusBoard& status);
  ~UpstreamPool();

  Upstream& upstream(std::size_t server) { return *upstreams_[server]; }

  // Begins to connect to all. On main's thread, after Executor::Start().
  void Start();

  // Ends all sessions and processes and waits for that. On main's thread, when no call is under
  // way.
  void Stop(const std::string& why);

  // Makes sure one of the server's lists is known and no older than `max_age`; those who ask at
  // once share one request. `done` runs once on `lane`, possibly at once: with the error, if the
  // server couldn't be asked by `deadline`. On `lane`.
  void RefreshCatalogue(std::size_t server, ListKind kind, Lane& lane,
                        std::chrono::milliseconds max_age, Deadline deadline,
                        std::function<void(std::optional<Error>)> done);

 private:
  boost::asio::ssl::context tls_{boost::asio::ssl::context::tls_client};
  std::vector<std::unique_ptr<Upstream>> upstreams_;
  std::vector<std::unique_ptr<CatalogueLoader>> loaders_;
};

}  // namespace mcpbridge

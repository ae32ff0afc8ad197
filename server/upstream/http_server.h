#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "server/runtime/executor.h"
#include "server/upstream/http_pool.h"
#include "server/upstream/http_url.h"
#include "server/upstream/tls_trust.h"

namespace mcpbridge {

// The connections to one configured HTTP server, a pool for each lane, which all sessions with it
// share. Owned by Server.
class HttpServer {
 public:
  // `url` is a valid one. `trust` is used for https only.
  HttpServer(const std::string& url, Executor& executor, TlsTrust& trust, HttpPool::Limits limits);
  // After CloseIdle(), or once the lanes have stopped.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  const HttpUrl& url() const { return url_; }
  // On `lane`.
  HttpPool& pool(const Lane& lane) { return *pools_[static_cast<std::size_t>(lane.index())]; }

  // Closes idle connections, for good: others close when they become idle; `done` runs once, on any
  // lane, when that has happened on all. Any thread.
  void CloseIdle(std::function<void()> done);

 private:
  const HttpUrl url_;
  Executor& executor_;
  std::vector<std::shared_ptr<HttpPool>> pools_;
  bool closed_ = false;
};

}  // namespace mcpbridge

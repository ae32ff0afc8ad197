#pragma once

#include <boost/asio/ssl/context.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "server/base/error.h"
#include "server/runtime/lane.h"
#include "server/upstream/http_connection.h"
#include "server/upstream/http_url.h"

namespace mcpbridge {

// One lane's connections to one HTTP server. Owned by HttpServer, and kept while one of its
// connections is left: a request borrows a connection and can close that one only. Lane-only.
class HttpPool : public std::enable_shared_from_this<HttpPool> {
 public:
  struct Limits {
    std::size_t connections;
    std::size_t response_bytes;
  };

  // `tls` may be null (plain HTTP).
  HttpPool(Lane& lane, Lane& blocking_lane, const HttpUrl& url, boost::asio::ssl::context* tls,
           Limits limits);
  HttpPool(const HttpPool&) = delete;
  HttpPool& operator=(const HttpPool&) = delete;

  // A connection for one request: the one used last, or a new one. It comes back by itself.
  // Error: kOverloaded, all are in use.
  Result<std::shared_ptr<HttpConnection>> Acquire();

  // A connection of its own, beyond the limit, for a response that doesn't end; used once.
  std::shared_ptr<HttpConnection> ForStream();

  const Limits& limits() const { return limits_; }
  // How many there are, those of ForStream() aside.
  std::size_t size() const { return open_; }

  // A request id that no other request of this bridge to this server has, in whichever session.
  std::string NextId();

  // Closes the idle ones, and from now on those that become idle.
  void CloseIdle();

 private:
  void TakeBack(std::shared_ptr<HttpConnection> connection, bool alive);

  Lane& lane_;
  Lane& blocking_lane_;
  const HttpUrl url_;
  boost::asio::ssl::context* tls_;
  const Limits limits_;
  std::size_t open_ = 0;
  std::uint64_t next_id_ = 0;
  bool closed_ = false;
  std::vector<std::shared_ptr<HttpConnection>> idle_;
};

}  // namespace mcpbridge

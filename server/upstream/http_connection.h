#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/base/error.h"
#include "server/runtime/deadline_queue.h"
#include "server/runtime/lane.h"
#include "server/upstream/http_url.h"
#include "server/upstream/sink_body.h"

namespace mcpbridge {

// What one request's owner is told of its response. Runs on the connection's lane.
class HttpResponseHandler {
 public:
  using Head = boost::beast::http::response_header<>;

  virtual void OnHead(const Head& head) = 0;
  virtual void OnBody(std::string_view chunk) = 0;
  // The response is complete; the connection has gone back to its pool or is closed.
  virtual void OnEnd() = 0;
  // There will be no (further) response. `sent`: some of the request may have reached the server.
  virtual void OnFailure(Error error, bool sent) = 0;

 protected:
  ~HttpResponseHandler() = default;
};

// One connection to an HTTP server: one request at a time, kept alive between them, always reading,
// so that a close by the server is seen at once. Lane-only; kept alive by its own pending
// operations.
class HttpConnection final : public std::enable_shared_from_this<HttpConnection>,
                             private DeadlineEntry,
                             private BodySink {
 public:
  using Tcp = boost::asio::ip::tcp;
  using Socket = boost::asio::basic_stream_socket<Tcp, Lane::ExecutorType>;
  // Takes back a connection that is fit for another request, or (alive = false) one that is not.
  using Release = std::function<void(std::shared_ptr<HttpConnection>, bool alive)>;

  // `tls` may be null (plain HTTP). References stay valid for the connection's life.
  HttpConnection(Lane& lane, Lane& blocking_lane, const HttpUrl& url,
                 boost::asio::ssl::context* tls, std::size_t max_response_bytes, Release release);

  // Sends `request` (a whole HTTP message), connecting first where needed. `handler` is told of the
  // response, never inside this call. An event stream has no limit: who reads it bounds its events;
  // a peer that has gone in silence is noticed within 90 s.
  void Send(std::string request, HttpResponseHandler& handler);

  // Some of the request may have reached the server.
  bool sent() const { return wrote_; }

  // When the last request began to be written, the connection being there.
  Deadline::Clock::time_point written_at() const { return written_at_; }

  // The owner wants no more: closes the connection; the handler isn't called again. True: some of
  // the request may have reached the server.
  bool Abort();

  // The owner has what it wanted although the response may go on: reads its end for a moment, so
  // that the connection can be used again, or closes it. The handler isn't called again.
  void Detach();

  // While it is idle: closes it if it isn't used by `deadline`.
  void SetIdle(Deadline deadline);

  static bool IsEventStream(std::string_view content_type);

 private:
  // One read. While nothing comes a connection keeps the room for the first of an answer, which
  // most answers fit into: thousands of calls may be waiting. Those that follow have more.
  static constexpr std::size_t kFirstRead = 2 << 10;
  static constexpr std::size_t kReadSize = 16 << 10;

  using Parser = boost::beast::http::response_parser<SinkBody>;
  enum class State { kNew, kConnecting, kIdle, kBusy, kClosed };

  void OnDeadline() override;
  void OnBodyBytes(std::string_view bytes) override;
  void Connect(std::vector<Tcp::endpoint> endpoints, std::size_t next);
  void Resolve();
  void OnConnected();
  void Handshake();
  void Write();
  void Read();
  void OnRead(boost::system::error_code error, std::size_t size);
  void Consume();
  void FailParse(boost::system::error_code error);
  void TellHead();
  void KeepAlive();
  void Finish(bool alive);
  void Fail(std::string what, Reason reason);
  void Close();

  Lane& lane_;
  Lane& blocking_lane_;
  const HttpUrl& url_;
  const std::size_t max_response_bytes_;
  Release release_;
  Socket socket_;
  std::optional<boost::asio::ssl::stream<Socket&>> tls_;
  State state_ = State::kNew;
  HttpResponseHandler* handler_ = nullptr;
  std::string request_;
  bool wrote_ = false;  // some of request_ may have left
  Deadline::Clock::time_point written_at_;
  bool writing_ = false;  // a write is pending; request_ must stay
  bool head_told_ = false;
  bool keeps_alive_ = false;  // TCP's probes are on
  std::optional<Parser> parser_;
  boost::beast::flat_buffer in_;  // read, but not yet taken by parser_
  std::size_t read_size_ = kFirstRead;
};

}  // namespace mcpbridge

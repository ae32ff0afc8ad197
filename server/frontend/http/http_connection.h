#pragma once

#include <array>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>

#include "server/config/config.h"
#include "server/frontend/http/http_call.h"
#include "server/runtime/deadline_queue.h"
#include "server/runtime/lane.h"

namespace mcpbridge {

class HttpServerConnection;

// What connections of one lane share. Lane-only.
struct HttpConnections {
  std::unordered_set<HttpServerConnection*> all;
  bool draining = false;
  // A request on whose connection nothing has been sent for so long: its call is told (OnQuiet()),
  // its event stream gets a comment. Proxies close quiet connections, and the MCP SDKs' servers do
  // it in the same interval.
  std::chrono::milliseconds quiet_time{15'000};
};

// Works on requests.
class HttpHandler {
 public:
  using Request = boost::beast::http::request<boost::beast::http::string_body>;

  // Answers `request` through `responder`, at once (then null is returned) or when what it returns
  // has come to its end. May take the request's body. On `lane`.
  virtual std::unique_ptr<HttpCall> Handle(Lane& lane, Request& request,
                                           HttpResponder& responder) = 0;

  // `call` has lost its connection, and may go on without. On `lane`.
  virtual void OnCallerGone(Lane& lane, std::unique_ptr<HttpCall> call) = 0;

  // Headers of every response to `request`, each "Name: value\r\n". Any lane.
  virtual std::string HeadersOf(const Request& request) const = 0;

  // A request was turned away before it became a call. Any lane.
  virtual void OnRefused(Reason /*reason*/) {}

 protected:
  ~HttpHandler() = default;
};

// One connection from a caller, kept alive between requests, one request at a time; further ones
// that arrive meanwhile wait in its buffer. Always reading: a caller who goes is noticed at once,
// which ends its call unless that can go on without. Lane-only; kept alive by its own pending
// operations.
class HttpServerConnection final : public std::enable_shared_from_this<HttpServerConnection>,
                                   private DeadlineEntry,
                                   private HttpResponder {
 public:
  using Socket =
      boost::asio::basic_stream_socket<boost::asio::generic::stream_protocol, Lane::ExecutorType>;

  HttpServerConnection(Lane& lane, Socket socket, HttpConnections& connections,
                       HttpHandler& handler, const BridgeConfig::Limits& limits,
                       std::shared_ptr<void> slot);
  ~HttpServerConnection() override;

  void Start();

  // Closes it after the response that is under way, or now if there is none.
  void Drain();

  // Closes it now; a call under way is cancelled.
  void Abort() { Close(); }

 private:
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;
  enum class State { kReading, kHandling, kStreaming, kWriting, kLingering, kClosed };

  void Respond(HttpResponse response) override;
  void BeginEvents(std::string_view headers) override;
  bool SendEvent(std::string_view event) override;
  void EndEvents(std::string_view event) override;
  std::string Peer() const override;
  void OnDeadline() override;
  void NextRequest();
  void Read();
  void OnRead(boost::system::error_code error, std::size_t size);
  void Parse();
  void OnHead();
  void Refuse(boost::system::error_code error);
  void Handle();
  void Write(std::string head, std::string body);
  void OnWritten(boost::system::error_code error);
  void AddChunk(std::string_view bytes);
  void WriteChunks();
  void OnChunksWritten(boost::system::error_code error);
  void Close();
  void DropCall();
  void Arm(std::chrono::milliseconds time);

  Lane& lane_;
  Socket socket_;
  HttpConnections& connections_;
  HttpHandler& handler_;
  const BridgeConfig::Limits& limits_;
  const std::shared_ptr<void> slot_;  // counts the connection as long as it lives
  State state_ = State::kReading;
  bool reading_ = false;  // a read is pending
  bool close_after_ = false;
  bool continued_ = false;        // 100 Continue has been sent for this request
  std::array<char, 8192> chunk_;  // where the pending read puts its bytes
  boost::beast::flat_buffer in_;  // read, but not yet taken by parser_
  std::optional<Parser> parser_;
  std::unique_ptr<HttpCall> call_;
  // While a request is worked on: neither a read nor a write need be pending then.
  std::shared_ptr<HttpServerConnection> self_;
  std::string headers_;  // of every response to this request
  std::string out_;
  std::string body_;    // of a response, to be written behind out_; empty: out_ has all of it
  std::string queued_;  // of an event stream: what comes after out_
  bool chunks_pending_ = false;  // out_ of an event stream is being written
};

}  // namespace mcpbridge

#include "server/frontend/http/http_connection.h"

#include <boost/asio/ip/tcp.hpp>
#include <charconv>
#include <cstring>
#include <utility>

#include "server/runtime/write_soon.h"

namespace mcpbridge {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;

namespace {

// Requests that arrive while another is worked on; beyond it the caller has to wait.
constexpr std::size_t kMaxWaiting = 64 << 10;
// From the end of a response to the first byte of the next request: nginx's default.
constexpr std::chrono::seconds kIdleTime{75};
// From the first byte of a request to its last.
constexpr std::chrono::seconds kRequestTime{60};
// From the first byte of a response to its last: 64 MiB at 2 Mbit/s.
constexpr std::chrono::seconds kResponseTime{300};
// From our last byte to the caller's close, when we end the connection: it may still be sending.
constexpr std::chrono::seconds kLingerTime{2};

constexpr std::string_view kKeepAlive = ": keep-alive\n\n";
// What may wait for a slow reader of an event stream: beyond it notifications are dropped.
constexpr std::size_t kMaxQueued = 1 << 20;

constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace

HttpServerConnection::HttpServerConnection(Lane& lane, Socket socket, HttpConnections& connections,
                                           HttpHandler& handler, const BridgeConfig::Limits& limits,
                                           std::shared_ptr<void> slot)
    : lane_(lane),
      socket_(std::move(socket)),
      connections_(connections),
      handler_(handler),
      limits_(limits),
      slot_(std::move(slot)) {}

HttpServerConnection::~HttpServerConnection() = default;

void HttpServerConnection::Start() {
  connections_.all.insert(this);
  NextRequest();
  Arm(kIdleTime);
  Read();
}

void HttpServerConnection::Drain() {
  close_after_ = true;
  if (state_ == State::kReading && !parser_->got_some() && in_.size() == 0) Close();
}

void HttpServerConnection::NextRequest() {
  state_ = State::kReading;
  continued_ = false;
  parser_.emplace();
  parser_->eager(true);
  parser_->body_limit(limits_.request_bytes);
  parser_->header_limit(static_cast<std::uint32_t>(limits_.header_bytes));
}

void HttpServerConnection::Arm(std::chrono::milliseconds time) {
  Disarm();
  lane_.deadlines().Arm(*this, Deadline::After(time));
}

void HttpServerConnection::Read() {
  if (reading_ || (state_ != State::kReading && in_.size() >= kMaxWaiting)) return;
  reading_ = true;
  // Not straight into in_, from which a request may be taken while the read is pending.
  socket_.async_read_some(asio::buffer(chunk_),
                          [self = shared_from_this()](error_code error, std::size_t size) {
                            self->reading_ = false;
                            self->OnRead(error, size);
                          });
}

void HttpServerConnection::OnRead(error_code error, std::size_t size) {
  if (state_ == State::kClosed) return;
  if (error) {
    Close();
    return;
  }
  in_.commit(asio::buffer_copy(in_.prepare(size), asio::buffer(chunk_, size)));
  if (state_ == State::kLingering) in_.consume(in_.size());
  if (state_ == State::kReading) Parse();
  if (state_ != State::kClosed) Read();
}

void HttpServerConnection::Parse() {
  if (in_.size() != 0 && !parser_->got_some()) Arm(kRequestTime);
  while (in_.size() != 0) {
    error_code error;
    in_.consume(parser_->put(in_.cdata(), error));
    if (error == http::error::need_more) return;
    if (error) {
      Refuse(error);
      return;
    }
    if (parser_->is_done()) {
      Handle();
      return;
    }
    if (parser_->is_header_done()) OnHead();
  }
}

// A caller that asks before it sends its body gets its answer.
void HttpServerConnection::OnHead() {
  if (std::exchange(continued_, true)) return;
  if (!boost::beast::iequals(parser_->get()[http::field::expect], "100-continue")) return;
  // 25 bytes into a fresh socket's buffer: they fit, or the caller goes on by itself after a while.
  error_code ignored;
  socket_.native_non_blocking(true, ignored);
  socket_.write_some(asio::buffer(kContinue), ignored);
}

void HttpServerConnection::Refuse(error_code error) {
  close_after_ = true;
  Error refusal{.reason = Reason::kInvalidRequest,
                .message = "this is not an HTTP request: " + error.message()};
  if (error == http::error::body_limit) {
    refusal = {.reason = Reason::kRequestTooLarge,
               .message = "the body is larger than the limit of " +
                          std::to_string(limits_.request_bytes) + " bytes",
               .metadata = {{"limit", "bridge.limits.request_bytes"}}};
  } else if (error == http::error::header_limit) {
    refusal = {.reason = Reason::kRequestTooLarge,
               .message = "the headers are larger than the limit of " +
                          std::to_string(limits_.header_bytes) + " bytes",
               .metadata = {{"limit", "bridge.limits.header_bytes"}}};
  }
  state_ = State::kHandling;
  headers_ = handler_.HeadersOf(parser_->get());
  HttpResponse response = HttpResponse::FromError("", refusal);
  if (error == http::error::header_limit) response.status = 431;
  Respond(std::move(response));
}

void HttpServerConnection::Handle() {
  Disarm();
  state_ = State::kHandling;
  headers_ = handler_.HeadersOf(parser_->get());
  self_ = shared_from_this();
  if (!parser_->keep_alive()) close_after_ = true;
  std::unique_ptr<HttpCall> call = handler_.Handle(lane_, parser_->get(), *this);
  // It may have responded already: then there is nothing to keep.
  if (state_ == State::kHandling || state_ == State::kStreaming) call_ = std::move(call);
  if (state_ == State::kHandling) Arm(connections_.quiet_time);
}

void HttpServerConnection::Respond(HttpResponse response) {
  if (state_ != State::kHandling) return;
  if (connections_.draining) close_after_ = true;
  if (response.refusal) handler_.OnRefused(*response.refusal);
  response.headers += headers_;
  std::string head = response.Head(close_after_);
  // HEAD: as for GET, without the body (RFC 9110, section 9.3.2).
  if (parser_->get().method() == http::verb::head) response.body.clear();
  Write(std::move(head), std::move(response.body));
}

std::string HttpServerConnection::Peer() const {
  error_code error;
  const auto peer = socket_.remote_endpoint(error);
  asio::ip::tcp::endpoint address;
  const bool is_tcp =
      !error && (peer.protocol().family() == AF_INET || peer.protocol().family() == AF_INET6);
  if (!is_tcp) return "unix";
  std::memcpy(address.data(), peer.data(), peer.size());
  const std::string host = address.address().to_string();
  return (address.address().is_v6() ? "[" + host + "]" : host) + ":" +
         std::to_string(address.port());
}

void HttpServerConnection::Write(std::string head, std::string body) {
  state_ = State::kWriting;
  Arm(kResponseTime);
  out_ = std::move(head);
  auto done = [self = shared_from_this()](error_code error, std::size_t) {
    self->OnWritten(error);
  };
  if (body.size() < HttpResponse::kSmallBody) {
    out_.append(body);
    WriteSoon(lane_, socket_, out_, std::move(done));
  } else {
    body_ = std::move(body);
    WriteSoon(lane_, socket_, out_, body_, std::move(done));
  }
}

void HttpServerConnection::BeginEvents(std::string_view headers) {
  if (state_ != State::kHandling) return;
  state_ = State::kStreaming;
  if (connections_.draining) close_after_ = true;
  queued_ = HttpResponse::EventStreamHead(std::string(headers) + headers_, close_after_);
  WriteChunks();
}

bool HttpServerConnection::SendEvent(std::string_view event) {
  if (state_ != State::kStreaming) return false;
  if (!queued_.empty() && queued_.size() + event.size() > kMaxQueued) return false;
  AddChunk(event);
  return true;
}

void HttpServerConnection::EndEvents(std::string_view event) {
  if (state_ != State::kStreaming) return;
  if (!event.empty()) AddChunk(event);
  queued_.append("0\r\n\r\n");
  state_ = State::kWriting;
  if (!chunks_pending_) WriteChunks();
}

// In the chunked coding of RFC 9112, section 7.1.
void HttpServerConnection::AddChunk(std::string_view bytes) {
  std::array<char, 2 * sizeof(std::size_t)> size;
  const auto end = std::to_chars(size.data(), size.data() + size.size(), bytes.size(), 16).ptr;
  queued_.append(size.data(), end).append("\r\n").append(bytes).append("\r\n");
  if (!chunks_pending_) WriteChunks();
}

void HttpServerConnection::WriteChunks() {
  chunks_pending_ = true;
  out_ = std::exchange(queued_, {});
  Arm(kResponseTime);
  WriteSoon(lane_, socket_, out_, [self = shared_from_this()](error_code error, std::size_t) {
    self->OnChunksWritten(error);
  });
}

void HttpServerConnection::OnChunksWritten(error_code error) {
  chunks_pending_ = false;
  if (state_ == State::kClosed) return;
  if (error) {
    Close();
  } else if (!queued_.empty()) {
    WriteChunks();
  } else if (state_ == State::kWriting) {
    OnWritten(error);
  } else {
    Arm(connections_.quiet_time);
    if (call_ != nullptr) call_->OnDrained();
  }
}

void HttpServerConnection::OnWritten(error_code error) {
  const auto keep = std::move(self_);
  body_ = {};
  DropCall();
  if (state_ == State::kClosed) return;
  if (error) {
    Close();
    return;
  }
  if (out_.capacity() > kMaxWaiting) out_ = {};
  if (close_after_) {
    state_ = State::kLingering;
    in_.consume(in_.size());
    error_code ignored;
    socket_.shutdown(Socket::shutdown_send, ignored);
    Arm(kLingerTime);
    Read();
    return;
  }
  NextRequest();
  Arm(kIdleTime);
  Parse();
  if (state_ != State::kClosed) Read();
}

void HttpServerConnection::OnDeadline() {
  if (state_ == State::kHandling) {
    if (call_ != nullptr) call_->OnQuiet();
  } else if (state_ == State::kStreaming && !chunks_pending_) {
    AddChunk(kKeepAlive);
  } else {
    Close();
  }
}

void HttpServerConnection::DropCall() {
  if (call_ != nullptr) handler_.OnCallerGone(lane_, std::move(call_));
}

void HttpServerConnection::Close() {
  if (state_ == State::kClosed) return;
  Disarm();
  state_ = State::kClosed;
  connections_.all.erase(this);
  DropCall();
  if (self_) lane_.Post([keep = std::move(self_)] {});  // it may be the last to hold this
  error_code ignored;
  socket_.close(ignored);
}

}  // namespace mcpbridge

#include "server/upstream/http_connection.h"

#include <netdb.h>
#include <netinet/tcp.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <utility>

#include "server/runtime/write_soon.h"

namespace mcpbridge {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;

namespace {

// How long the rest of a response is read that nobody waits for.
constexpr std::chrono::seconds kDetachTime{1};
// A response's status line and headers.
constexpr std::uint32_t kMaxHeadBytes = 64 << 10;

// Blocks. Empty: `error` says why.
std::vector<asio::ip::tcp::endpoint> LookUp(const std::string& host, const std::string& port,
                                            std::string& error) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int code = getaddrinfo(host.c_str(), port.c_str(), &hints, &found);
  if (code != 0) {
    error = gai_strerror(code);
    return {};
  }
  std::vector<asio::ip::tcp::endpoint> endpoints;
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    asio::ip::tcp::endpoint endpoint;
    if (at->ai_addrlen > endpoint.capacity()) continue;
    std::memcpy(endpoint.data(), at->ai_addr, at->ai_addrlen);
    endpoint.resize(at->ai_addrlen);
    endpoints.push_back(endpoint);
  }
  freeaddrinfo(found);
  return endpoints;
}

}  // namespace

HttpConnection::HttpConnection(Lane& lane, Lane& blocking_lane, const HttpUrl& url,
                               asio::ssl::context* tls, std::size_t max_response_bytes,
                               Release release)
    : lane_(lane),
      blocking_lane_(blocking_lane),
      url_(url),
      max_response_bytes_(max_response_bytes),
      release_(std::move(release)),
      socket_(lane.io().get_executor()) {
  if (tls != nullptr) tls_.emplace(socket_, *tls);
}

bool HttpConnection::IsEventStream(std::string_view content_type) {
  const std::string_view type = content_type.substr(0, content_type.find_first_of("; \t"));
  return boost::beast::iequals(type, "text/event-stream");
}

void HttpConnection::Send(std::string request, HttpResponseHandler& handler) {
  Disarm();
  request_ = std::move(request);
  handler_ = &handler;
  wrote_ = false;
  head_told_ = false;
  parser_.emplace();
  parser_->get().body() = static_cast<BodySink*>(this);
  parser_->eager(true);
  parser_->body_limit(max_response_bytes_);
  parser_->header_limit(kMaxHeadBytes);
  if (state_ == State::kNew) {
    state_ = State::kConnecting;
    Resolve();
  } else {
    state_ = State::kBusy;
    Write();
  }
}

void HttpConnection::Resolve() {
  error_code not_literal;
  const asio::ip::address address = asio::ip::make_address(url_.host, not_literal);
  if (!not_literal) {
    Connect({{address, static_cast<std::uint16_t>(std::stoi(url_.port))}}, 0);
    return;
  }
  blocking_lane_.Post([self = shared_from_this()] {
    std::string error;
    auto endpoints = LookUp(self->url_.host, self->url_.port, error);
    self->lane_.Post([self, endpoints = std::move(endpoints), error = std::move(error)]() mutable {
      if (self->state_ == State::kClosed) return;
      if (endpoints.empty()) {
        self->Fail("can't resolve " + self->url_.host + ": " + error, Reason::kUpstreamUnavailable);
      } else {
        self->Connect(std::move(endpoints), 0);
      }
    });
  });
}

void HttpConnection::Connect(std::vector<Tcp::endpoint> endpoints, std::size_t next) {
  const Tcp::endpoint endpoint = endpoints[next];
  socket_.async_connect(endpoint, [self = shared_from_this(), endpoints = std::move(endpoints),
                                   next](error_code error) mutable {
    if (self->state_ == State::kClosed) return;
    if (!error) {
      self->OnConnected();
    } else if (next + 1 < endpoints.size()) {
      error_code ignored;
      self->socket_.close(ignored);
      self->Connect(std::move(endpoints), next + 1);
    } else {
      self->Fail("can't connect to " + self->url_.Authority() + ": " + error.message(),
                 Reason::kUpstreamUnavailable);
    }
  });
}

void HttpConnection::OnConnected() {
  error_code ignored;
  socket_.set_option(Tcp::no_delay(true), ignored);
  if (tls_) {
    Handshake();
    return;
  }
  state_ = State::kBusy;
  Write();
  Read();
}

void HttpConnection::Handshake() {
  error_code not_literal;
  asio::ip::make_address(url_.host, not_literal);
  // A name, not an address, is told to the server, so that it can choose its certificate.
  if (not_literal && SSL_set_tlsext_host_name(tls_->native_handle(), url_.host.c_str()) != 1) {
    Fail("can't begin TLS with " + url_.Authority(), Reason::kUpstreamUnavailable);
    return;
  }
  error_code ignored;
  tls_->set_verify_callback(asio::ssl::host_name_verification(url_.host), ignored);
  tls_->async_handshake(
      asio::ssl::stream_base::client, [self = shared_from_this()](error_code error) {
        if (self->state_ == State::kClosed) return;
        if (error) {
          self->Fail("TLS with " + self->url_.Authority() + " failed: " + error.message(),
                     Reason::kUpstreamUnavailable);
          return;
        }
        self->state_ = State::kBusy;
        self->Write();
        self->Read();
      });
}

void HttpConnection::Write() {
  wrote_ = true;
  writing_ = true;
  written_at_ = Deadline::Clock::now();
  auto done = [self = shared_from_this()](error_code error, std::size_t) {
    self->writing_ = false;
    // A failed write is not the end: the server may have answered early and closed. Read() knows.
    if (error && self->state_ == State::kBusy) {
      error_code ignored;
      self->socket_.shutdown(Tcp::socket::shutdown_send, ignored);
    }
  };
  if (tls_) {
    WriteSoon(lane_, *tls_, request_, std::move(done));
  } else {
    WriteSoon(lane_, socket_, request_, std::move(done));
  }
}

void HttpConnection::Read() {
  auto done = [self = shared_from_this()](error_code error, std::size_t size) {
    self->OnRead(error, size);
  };
  if (tls_) {
    tls_->async_read_some(in_.prepare(read_size_), std::move(done));
  } else {
    socket_.async_read_some(in_.prepare(read_size_), std::move(done));
  }
}

void HttpConnection::OnRead(error_code error, std::size_t size) {
  if (state_ == State::kClosed) return;
  if (error) {
    if (state_ == State::kIdle) {
      Close();
      release_(shared_from_this(), false);
      return;
    }
    error_code incomplete;
    if (parser_->got_some()) parser_->put_eof(incomplete);
    if (parser_->got_some() && !incomplete && parser_->is_done()) {
      Finish(/*alive=*/false);  // a body that ends where the connection does
      return;
    }
    const std::string why =
        error == asio::error::eof ? "it closed the connection" : error.message();
    Fail("lost " + url_.Authority() + " before its answer was complete: " + why,
         Reason::kUpstreamLost);
    return;
  }
  if (state_ == State::kIdle) {  // nobody asked for anything
    Close();
    release_(shared_from_this(), false);
    return;
  }
  in_.commit(size);
  if (size == read_size_) read_size_ = kReadSize;  // there may be more
  Consume();
  if (state_ != State::kClosed) Read();
}

void HttpConnection::Consume() {
  while (in_.size() != 0) {
    error_code error;
    const std::size_t used = parser_->put(in_.cdata(), error);
    if (state_ != State::kBusy) return;  // a callback has ended it
    in_.consume(used);
    if (error == http::error::need_more) return;
    if (error) {
      FailParse(error);
      return;
    }
    if (parser_->is_header_done()) TellHead();
    if (state_ != State::kBusy) return;
    if (parser_->is_done()) {
      Finish(parser_->keep_alive() && in_.size() == 0 && !writing_);
      return;
    }
  }
}

void HttpConnection::FailParse(error_code error) {
  if (error == http::error::body_limit) {
    Fail("the answer of " + url_.Authority() + " is larger than the limit of " +
             std::to_string(max_response_bytes_) + " bytes",
         Reason::kResponseTooLarge);
  } else {
    Fail("the answer of " + url_.Authority() + " is not HTTP: " + error.message(),
         Reason::kUpstreamProtocol);
  }
}

void HttpConnection::OnBodyBytes(std::string_view bytes) {
  TellHead();
  // Either callback may have ended the request.
  if (handler_ != nullptr) handler_->OnBody(bytes);
}

void HttpConnection::TellHead() {
  if (std::exchange(head_told_, true) || handler_ == nullptr) return;
  if (IsEventStream(parser_->get()[http::field::content_type])) {
    parser_->body_limit(boost::none);
    KeepAlive();
  }
  handler_->OnHead(parser_->get().base());
}

// Between messages a stream is silent, so that only probes tell whether the peer is still there.
void HttpConnection::KeepAlive() {
  if (std::exchange(keeps_alive_, true)) return;
  using Seconds = asio::detail::socket_option::integer<IPPROTO_TCP, TCP_KEEPIDLE>;
  using Interval = asio::detail::socket_option::integer<IPPROTO_TCP, TCP_KEEPINTVL>;
  using Probes = asio::detail::socket_option::integer<IPPROTO_TCP, TCP_KEEPCNT>;
  error_code ignored;
  socket_.set_option(asio::socket_base::keep_alive(true), ignored);
  socket_.set_option(Seconds(45), ignored);
  socket_.set_option(Interval(15), ignored);
  socket_.set_option(Probes(3), ignored);
}

void HttpConnection::Finish(bool alive) {
  HttpResponseHandler* handler = std::exchange(handler_, nullptr);
  Disarm();
  state_ = State::kIdle;
  if (in_.size() == 0 && std::exchange(read_size_, kFirstRead) != kFirstRead) in_.shrink_to_fit();
  if (!alive) Close();
  release_(shared_from_this(), alive);
  if (handler != nullptr) handler->OnEnd();
}

void HttpConnection::Fail(std::string what, Reason reason) {
  HttpResponseHandler* handler = std::exchange(handler_, nullptr);
  Close();
  release_(shared_from_this(), false);
  if (handler != nullptr) {
    handler->OnFailure(Error{.reason = reason, .message = std::move(what)}, wrote_);
  }
}

bool HttpConnection::Abort() {
  handler_ = nullptr;
  if (state_ == State::kClosed) return wrote_;
  Close();
  release_(shared_from_this(), false);
  return wrote_;
}

void HttpConnection::Detach() {
  if (handler_ == nullptr) return;
  handler_ = nullptr;
  Disarm();
  lane_.deadlines().Arm(*this, Deadline::After(kDetachTime));
}

void HttpConnection::SetIdle(Deadline deadline) {
  Disarm();
  lane_.deadlines().Arm(*this, deadline);
}

void HttpConnection::OnDeadline() { Abort(); }

void HttpConnection::Close() {
  Disarm();
  state_ = State::kClosed;
  error_code ignored;
  socket_.close(ignored);
}

}  // namespace mcpbridge

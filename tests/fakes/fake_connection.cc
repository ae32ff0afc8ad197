#include "tests/fakes/fake_connection.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/read.hpp>
#include <cctype>
#include <chrono>
#include <utility>

#include "tests/fakes/fake_json.h"

namespace mcpbridge {
namespace {

namespace http = boost::beast::http;
using boost::system::error_code;

constexpr std::uint64_t kMaxBodyBytes = 256 << 20;

void ReadJson(FakeRequest& request) {
  auto message = JsonMembers(request.body);
  request.method = JsonString(message["method"]);
  request.id = message["id"];
  request.params = message["params"];
  if (request.method != "tools/call") return;
  auto params = JsonMembers(request.params);
  request.tool = JsonString(params["name"]);
  request.arguments = params["arguments"];
  request.text = JsonString(JsonMembers(request.arguments)["text"]);
}

}  // namespace

FakeConnection::FakeConnection(boost::asio::ip::tcp::socket socket, int number, Owner& owner)
    : socket_(std::move(socket)), pause_(socket_.get_executor()), number_(number), owner_(owner) {
  error_code ignored;
  socket_.set_option(boost::asio::ip::tcp::no_delay(true), ignored);
}

void FakeConnection::Read() {
  parser_.emplace();
  parser_->body_limit(kMaxBodyBytes);
  http::async_read(socket_, buffer_, *parser_,
                   [self = shared_from_this()](error_code error, std::size_t) {
                     if (error) return self->Close(false);
                     self->OnRead();
                   });
}

void FakeConnection::OnRead() {
  if (closed_) return;
  next_ = Take();
  if (!busy_) OnDrained();
}

FakeRequest FakeConnection::Take() {
  const auto& message = parser_->get();
  FakeRequest request;
  request.http_method = std::string(message.method_string());
  request.path = std::string(message.target());
  for (const auto& field : message) {
    std::string name(field.name_string());
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    request.headers[name] = std::string(field.value());
  }
  request.body = message.body();
  request.connection = number_;
  ReadJson(request);
  return request;
}

void FakeConnection::Send(const std::string& bytes, std::size_t piece_bytes) {
  const std::size_t step = piece_bytes > 0 ? piece_bytes : std::max<std::size_t>(1, bytes.size());
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    pieces_.push_back({bytes.substr(at, step), piece_bytes > 0});
  }
  if (!writing_) Write();
}

void FakeConnection::Write() {
  if (closed_) return;
  if (pieces_.empty()) {
    if (ended_) OnDrained();
    return;
  }
  writing_ = true;
  boost::asio::async_write(socket_, boost::asio::buffer(pieces_.front().bytes),
                           [self = shared_from_this()](error_code error, std::size_t) {
                             if (error) return self->Close(false);
                             const bool pause = self->pieces_.front().pause_after;
                             self->pieces_.pop_front();
                             self->OnPieceWritten(pause);
                           });
}

void FakeConnection::OnPieceWritten(bool pause) {
  if (!pause) {
    writing_ = false;
    return Write();
  }
  pause_.expires_after(std::chrono::milliseconds(1));
  pause_.async_wait([self = shared_from_this()](error_code error) {
    if (error) return;
    self->writing_ = false;
    self->Write();
  });
}

void FakeConnection::End(bool close, bool reset) {
  ended_ = true;
  close_ = close;
  reset_ = reset;
  if (!writing_) Write();
}

// Nothing is under way: closes, or begins the next request if it is there.
void FakeConnection::OnDrained() {
  if (ended_ && close_) return Close(reset_);
  busy_ = ended_ = false;
  if (!next_) return;
  busy_ = true;
  FakeRequest request = std::move(*next_);
  next_.reset();
  Read();
  owner_.OnRequest(shared_from_this(), std::move(request));
}

void FakeConnection::Close(bool reset) {
  if (std::exchange(closed_, true)) return;
  error_code ignored;
  if (reset) {
    socket_.set_option(boost::asio::socket_base::linger(true, 0), ignored);
  } else {
    socket_.shutdown(boost::asio::ip::tcp::socket::shutdown_both, ignored);
  }
  socket_.close(ignored);
  pause_.cancel();
  owner_.OnClosed(shared_from_this());
}

}  // namespace mcpbridge

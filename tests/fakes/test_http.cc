#include "tests/fakes/test_http.h"

#include <poll.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cctype>
#include <utility>

namespace mcpbridge {

namespace http = boost::beast::http;
using boost::system::error_code;

namespace {

std::string RequestText(const std::string& method, const std::string& path, const std::string& body,
                        const TestHttpClient::Headers& headers) {
  TestHttpClient::Headers all = headers;
  all.emplace("Content-Type", "application/json");
  all.emplace("Accept", "application/json, text/event-stream");
  all.emplace("Host", "127.0.0.1");
  std::string text = method + " " + path + " HTTP/1.1\r\n";
  for (const auto& [name, value] : all) text += name + ": " + value + "\r\n";
  return text + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

}  // namespace

TestHttpClient::TestHttpClient(std::uint16_t port) {
  error_code ignored;
  socket_.connect({boost::asio::ip::address_v4::loopback(), port}, ignored);
}

TestResponse TestHttpClient::Post(const std::string& body, const Headers& headers) {
  return Request("POST", "/mcp", body, headers);
}

TestResponse TestHttpClient::Request(const std::string& method, const std::string& path,
                                     const std::string& body, const Headers& headers) {
  Write(method, path, body, headers);
  return Receive();
}

void TestHttpClient::Send(const std::string& body, const Headers& headers) {
  Write("POST", "/mcp", body, headers);
}

void TestHttpClient::Write(const std::string& method, const std::string& path,
                           const std::string& body, const Headers& headers) {
  without_body_ = method == "HEAD";
  const std::string text = RequestText(method, path, body, headers);
  error_code ignored;
  boost::asio::write(socket_, boost::asio::buffer(text), ignored);
}

TestResponse TestHttpClient::Receive() {
  http::response_parser<http::string_body> parser;
  parser.body_limit(256 << 20);
  parser.skip(without_body_);
  error_code error;
  http::read(socket_, buffer_, parser, error);
  TestResponse response;
  if (!parser.is_header_done()) return response;
  response.status = parser.get().result_int();
  for (const auto& field : parser.get()) {
    std::string name(field.name_string());
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    response.headers[name] = std::string(field.value());
  }
  response.body = parser.get().body();
  response.complete = !error;
  return response;
}

void TestHttpClient::Close() {
  error_code ignored;
  socket_.close(ignored);
}

TestEventStream::TestEventStream(std::uint16_t port, const TestHttpClient::Headers& headers,
                                 const std::string& path, const std::string& body) {
  parser_.body_limit(boost::none);
  parser_.eager(true);
  const std::string text = RequestText(body.empty() ? "GET" : "POST", path, body, headers);
  error_code ignored;
  socket_.connect({boost::asio::ip::address_v4::loopback(), port}, ignored);
  boost::asio::write(socket_, boost::asio::buffer(text), ignored);
}

// False: there is no more, or not within `timeout`.
bool TestEventStream::ReadMore(std::chrono::milliseconds timeout) {
  if (parser_.is_done() || !socket_.is_open()) return false;
  pollfd ready{.fd = socket_.native_handle(), .events = POLLIN, .revents = 0};
  if (::poll(&ready, 1, static_cast<int>(timeout.count())) != 1) return false;
  error_code error;
  buffer_.commit(socket_.read_some(buffer_.prepare(64 << 10), error));
  if (error) return false;
  while (buffer_.size() != 0 && !parser_.is_done() && error != http::error::need_more) {
    buffer_.consume(parser_.put(buffer_.cdata(), error));
    if (error && error != http::error::need_more) return false;
  }
  std::string bytes = std::exchange(parser_.get().body(), {});
  events_.Feed(bytes, [this](jsonrpc::SseEvent&& event) {
    ready_.push_back(std::move(event));
    return true;
  });
  body_ += bytes;
  return true;
}

int TestEventStream::status() {
  while (!parser_.is_header_done() && ReadMore(std::chrono::seconds(30))) {
  }
  return parser_.is_header_done() ? parser_.get().result_int() : 0;
}

std::string TestEventStream::Header(const std::string& name) {
  status();
  return std::string(parser_.get()[name]);
}

std::optional<jsonrpc::SseEvent> TestEventStream::Next(std::chrono::milliseconds timeout) {
  const auto until = std::chrono::steady_clock::now() + timeout;
  while (ready_.empty()) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        until - std::chrono::steady_clock::now());
    if (left.count() <= 0 || !ReadMore(left)) return std::nullopt;
  }
  jsonrpc::SseEvent event = std::move(ready_.front());
  ready_.pop_front();
  return event;
}

std::string TestEventStream::Body() {
  while (ReadMore(std::chrono::seconds(30))) {
  }
  return body_;
}

void TestEventStream::Close() {
  error_code ignored;
  socket_.close(ignored);
}

}  // namespace mcpbridge

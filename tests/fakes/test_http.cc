#include "tests/fakes/test_http.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cctype>

namespace mcpbridge {

namespace http = boost::beast::http;
using boost::system::error_code;

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
  Headers all = headers;
  all.emplace("Content-Type", "application/json");
  all.emplace("Accept", "application/json, text/event-stream");
  all.emplace("Host", "127.0.0.1");
  std::string text = method + " " + path + " HTTP/1.1\r\n";
  for (const auto& [name, value] : all) text += name + ": " + value + "\r\n";
  text += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  error_code ignored;
  boost::asio::write(socket_, boost::asio::buffer(text), ignored);
}

TestResponse TestHttpClient::Receive() {
  http::response_parser<http::string_body> parser;
  parser.body_limit(256 << 20);
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

}  // namespace mcpbridge

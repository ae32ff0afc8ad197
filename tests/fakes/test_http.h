#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>

#include "server/jsonrpc/sse.h"

namespace mcpbridge {

struct TestResponse {
  int status = 0;  // 0: the connection broke before the headers were there
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;                            // what came of it
  bool complete = false;                       // the whole body came
};

// A blocking HTTP/1.1 client with one connection, for tests. Never throws: a broken connection is a
// response with status 0.
class TestHttpClient {
 public:
  using Headers = std::map<std::string, std::string>;

  explicit TestHttpClient(std::uint16_t port);

  // Content-Type and Accept are as MCP wants them unless `headers` has others.
  TestResponse Post(const std::string& body, const Headers& headers = {});
  TestResponse Request(const std::string& method, const std::string& path, const std::string& body,
                       const Headers& headers = {});

  // The two halves of Post().
  void Send(const std::string& body, const Headers& headers = {});
  TestResponse Receive();

  void Close();

 private:
  void Write(const std::string& method, const std::string& path, const std::string& body,
             const Headers& headers);

  boost::asio::io_context io_;
  boost::asio::ip::tcp::socket socket_{io_};
  boost::beast::flat_buffer buffer_;
  bool without_body_ = false;  // the response that comes next
};

// An event stream, read one event at a time on a connection of its own.
class TestEventStream {
 public:
  // GETs `path` with these headers, or POSTs `body` if there is one.
  explicit TestEventStream(std::uint16_t port, const TestHttpClient::Headers& headers = {},
                           const std::string& path = "/mcp", const std::string& body = {});

  // The response's head, waited for. 0: there was none.
  int status();
  std::string Header(const std::string& name);  // lower case; empty: not sent

  // The next event, waited for; nullopt: the stream is over, or nothing came for so long.
  std::optional<jsonrpc::SseEvent> Next(
      std::chrono::milliseconds timeout = std::chrono::seconds(30));
  // The whole body of a response that is no event stream.
  std::string Body();
  void Close();

 private:
  bool ReadMore(std::chrono::milliseconds timeout);

  boost::asio::io_context io_;
  boost::asio::ip::tcp::socket socket_{io_};
  boost::beast::flat_buffer buffer_;
  boost::beast::http::response_parser<boost::beast::http::string_body> parser_;
  jsonrpc::SseParser events_{256 << 20};
  std::deque<jsonrpc::SseEvent> ready_;
  std::string body_;
};

}  // namespace mcpbridge

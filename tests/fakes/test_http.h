#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <cstdint>
#include <map>
#include <string>

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
};

}  // namespace mcpbridge

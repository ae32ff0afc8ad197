#include "server/trace/collector_post.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <string_view>

#include "server/base/version.h"

namespace mcpbridge {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::beast::get_lowest_layer;
using boost::system::error_code;
using Request = http::request<http::string_body>;

// Of an answer that nobody reads.
constexpr std::size_t kMostAnswer = 64 << 10;

// Runs one operation to its end; the stream's own time ends it.
template <class Begin>
error_code Run(asio::io_context& io, const Begin& begin) {
  error_code result;
  begin([&result](error_code error, auto&&...) { result = error; });
  io.restart();
  io.run();
  return result;
}

template <class Stream>
CollectorAnswer Exchange(asio::io_context& io, Stream& stream, const Request& request) {
  if (auto error = Run(io, [&](auto done) { http::async_write(stream, request, done); })) {
    return {.what = error.message()};
  }
  boost::beast::flat_buffer buffer;
  http::response_parser<http::string_body> parser;
  parser.body_limit(kMostAnswer);
  if (auto error =
          Run(io, [&](auto done) { http::async_read_header(stream, buffer, parser, done); })) {
    return {.what = error.message()};
  }
  const unsigned status = parser.get().result_int();
  return {.status = status, .what = "HTTP " + std::to_string(status)};
}

template <class Stream>
error_code Connect(asio::io_context& io, Stream& stream, const HttpUrl& url,
                   std::chrono::milliseconds patience) {
  asio::ip::tcp::resolver resolver(io);
  error_code error;
  const auto addresses = resolver.resolve(url.host, url.port, error);
  if (error) return error;
  get_lowest_layer(stream).expires_after(patience);
  return Run(io, [&](auto done) { get_lowest_layer(stream).async_connect(addresses, done); });
}

CollectorAnswer PostWithTls(asio::io_context& io, const HttpUrl& url, const Request& request,
                            std::chrono::milliseconds patience) {
  asio::ssl::context tls(asio::ssl::context::tls_client);
  error_code error;
  tls.set_default_verify_paths(error);
  tls.set_verify_mode(asio::ssl::verify_peer);
  boost::beast::ssl_stream<boost::beast::tcp_stream> stream(io, tls);
  stream.set_verify_callback(asio::ssl::host_name_verification(url.host), error);
  SSL_set_tlsext_host_name(stream.native_handle(), url.host.c_str());
  error = Connect(io, stream, url, patience);
  if (!error) {
    error =
        Run(io, [&](auto done) { stream.async_handshake(asio::ssl::stream_base::client, done); });
  }
  if (error) return {.what = error.message()};
  return Exchange(io, stream, request);
}

}  // namespace

CollectorAnswer PostToCollector(const HttpUrl& url,
                                const std::vector<std::pair<std::string, std::string>>& headers,
                                const std::string& body, std::chrono::milliseconds patience) {
  Request request(http::verb::post, url.target, 11);
  request.set(http::field::host, url.Authority());
  request.set(http::field::user_agent, "mcp-bridge/" + std::string(kVersion));
  request.set(http::field::content_type, "application/x-protobuf");
  request.set(http::field::connection, "close");
  for (const auto& [name, value] : headers) request.set(name, value);
  request.body() = body;
  request.prepare_payload();
  asio::io_context io;
  if (url.tls) return PostWithTls(io, url, request, patience);
  boost::beast::tcp_stream stream(io);
  if (auto error = Connect(io, stream, url, patience)) return {.what = error.message()};
  return Exchange(io, stream, request);
}

}  // namespace mcpbridge

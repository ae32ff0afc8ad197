#include "tests/bench/http_response.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <cstdint>

namespace mcpbridge::bench {

HttpResponse::HttpResponse(std::string& body) : body_(body) {
  body_.clear();
  eager(true);
  body_limit(boost::none);
}

void HttpResponse::on_field_impl(boost::beast::http::field, View name, View value, Error&) {
  if (boost::beast::iequals(name, "Mcp-Session-Id")) session_id_.assign(value.data(), value.size());
}

std::size_t HttpResponse::Keep(View bytes) {
  body_.append(bytes.data(), bytes.size());
  return bytes.size();
}

std::string_view FirstTextIn(std::string_view body) {
  constexpr std::string_view kMember = "\"text\":";
  // The first of them is the type, in {"type":"text","text":"..."}, which no colon follows.
  std::size_t at = body.find(kMember);
  if (at == std::string_view::npos) return {};
  at += kMember.size();
  if (at < body.size() && body[at] == ' ') ++at;
  if (at >= body.size() || body[at] != '"') return {};
  ++at;
  return body.substr(at, body.find('"', at) - at);
}

bool HasId(std::string_view body, std::string_view id) {
  constexpr std::string_view kMember = "\"id\":";
  std::size_t at = body.find(kMember);
  if (at == std::string_view::npos) return false;
  at += kMember.size();
  if (at < body.size() && body[at] == ' ') ++at;
  return body.substr(at, id.size()) == id &&
         (at + id.size() == body.size() || body[at + id.size()] < '0' ||
          body[at + id.size()] > '9');
}

std::string HttpGet(const std::string& target, const std::string& path) {
  const std::size_t colon = target.rfind(':');
  boost::asio::io_context io;
  boost::asio::ip::tcp::socket socket(io);
  socket.connect({boost::asio::ip::make_address(target.substr(0, colon)),
                  static_cast<std::uint16_t>(std::stoi(target.substr(colon + 1)))});
  const std::string request =
      "GET " + path + " HTTP/1.1\r\nHost: " + target + "\r\nConnection: close\r\n\r\n";
  boost::asio::write(socket, boost::asio::buffer(request));
  std::string answer;
  boost::system::error_code end;
  boost::asio::read(socket, boost::asio::dynamic_buffer(answer), end);
  const std::size_t body = answer.find("\r\n\r\n");
  return body == std::string::npos ? "" : answer.substr(body + 4);
}

}  // namespace mcpbridge::bench

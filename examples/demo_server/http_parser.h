#pragma once

#include <boost/beast/http/basic_parser.hpp>
#include <boost/optional.hpp>
#include <cstdint>
#include <string>
#include <string_view>

namespace mcpbridge::demo {

// What the server needs of an HTTP request. Kept from request to request for its memory.
struct HttpRequest {
  boost::beast::http::verb method{};
  std::string target;
  std::string session_id;        // Mcp-Session-Id; empty: absent
  std::string protocol_version;  // MCP-Protocol-Version; empty: absent
  std::string origin;            // empty: absent
  bool json_body = false;        // Content-Type is application/json
  bool accepts_json = false;
  bool accepts_sse = false;
  bool http_1_1 = true;  // not an older version
  bool expects_continue = false;
  std::string body;

  void Clear();
};

// Beast's parser, filling an HttpRequest without allocating.
class HttpParser final : public boost::beast::http::basic_parser<true> {
 public:
  static constexpr std::uint64_t kMaxBodyBytes = 64 << 20;

  // `request` is cleared, filled, and must outlive this.
  explicit HttpParser(HttpRequest& request);

 private:
  using ErrorCode = boost::beast::error_code;
  using View = boost::beast::string_view;

  void on_request_impl(boost::beast::http::verb method, View method_name, View target, int version,
                       ErrorCode& error) override;
  void on_response_impl(int, View, int, ErrorCode&) override {}
  void on_field_impl(boost::beast::http::field name, View name_text, View value,
                     ErrorCode& error) override;
  void on_header_impl(ErrorCode&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>& length, ErrorCode& error) override;
  std::size_t on_body_impl(View body, ErrorCode& error) override;
  void on_chunk_header_impl(std::uint64_t, View, ErrorCode&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t remain, View body, ErrorCode& error) override;
  void on_finish_impl(ErrorCode&) override {}

  HttpRequest& request_;
};

}  // namespace mcpbridge::demo

#pragma once

#include <boost/beast/http/basic_parser.hpp>
#include <cstdint>
#include <string>
#include <string_view>

namespace mcpbridge::bench {

// Beast's parser of one response, keeping the status, the body and the session's id only.
class HttpResponse final : public boost::beast::http::basic_parser<false> {
 public:
  // Replaces `body`, which must live as long as this.
  explicit HttpResponse(std::string& body);

  int status() const { return status_; }
  const std::string& session_id() const { return session_id_; }

 private:
  using View = boost::beast::string_view;
  using Error = boost::system::error_code;
  void on_request_impl(boost::beast::http::verb, View, View, int, Error&) override {}
  void on_response_impl(int status, View, int, Error&) override { status_ = status; }
  void on_field_impl(boost::beast::http::field, View name, View value, Error&) override;
  void on_header_impl(Error&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, Error&) override {}
  std::size_t on_body_impl(View bytes, Error&) override { return Keep(bytes); }
  void on_chunk_header_impl(std::uint64_t, View, Error&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, View bytes, Error&) override { return Keep(bytes); }
  void on_finish_impl(Error&) override {}

  std::size_t Keep(View bytes);

  std::string& body_;
  std::string session_id_;
  int status_ = 0;
};

// The text between `"text":"` and the next quote, in JSON or in an event; empty: there is none.
std::string_view FirstTextIn(std::string_view body);
// Whether the message has this id.
bool HasId(std::string_view body, std::string_view id);

// GET `path` of `target`, IP:PORT, on a connection of its own: the body. Throws where that fails.
std::string HttpGet(const std::string& target, const std::string& path);

}  // namespace mcpbridge::bench

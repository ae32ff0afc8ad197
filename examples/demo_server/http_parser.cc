#include "examples/demo_server/http_parser.h"

#include <boost/beast/http/error.hpp>
#include <boost/beast/http/field.hpp>

#include "examples/demo_server/rpc_reader.h"

namespace mcpbridge::demo {
namespace {

// A body that says it is larger than this grows as it comes.
constexpr std::uint64_t kMaxReserve = 1 << 20;

std::string_view Std(boost::beast::string_view text) { return {text.data(), text.size()}; }

void ReadAccept(std::string_view value, HttpRequest& request) {
  const auto has = [value](std::string_view type) {
    return value.find(type) != std::string_view::npos;
  };
  const bool any = has("*/*");
  request.accepts_json |= any || has("application/json") || has("application/*");
  request.accepts_sse |= any || has("text/event-stream") || has("text/*");
}

}  // namespace

void HttpRequest::Clear() {
  target.clear();
  session_id.clear();
  protocol_version.clear();
  origin.clear();
  json_body = accepts_json = accepts_sse = expects_continue = false;
  body.clear();
}

HttpParser::HttpParser(HttpRequest& request) : request_(request) {
  request_.Clear();
  eager(true);
  header_limit(12 << 10);  // less than HttpConnection's buffer, so it always can be reached
  body_limit(kMaxBodyBytes);
}

void HttpParser::on_request_impl(boost::beast::http::verb method, View /*method_name*/, View target,
                                 int version, ErrorCode& /*error*/) {
  request_.method = method;
  request_.http_1_1 = version >= 11;
  request_.target.assign(target.data(), target.size());
}

void HttpParser::on_field_impl(boost::beast::http::field name, View name_text, View value,
                               ErrorCode& /*error*/) {
  using boost::beast::iequals;
  using boost::beast::http::field;
  switch (name) {
    case field::content_type:
      request_.json_body = iequals(value.substr(0, value.find(';')), "application/json");
      return;
    case field::accept:
      return ReadAccept(Std(value), request_);
    case field::origin:
      request_.origin.assign(value.data(), value.size());
      return;
    case field::expect:
      request_.expects_continue = iequals(value, "100-continue");
      return;
    case field::unknown:
      break;
    default:
      return;
  }
  if (iequals(name_text, "Mcp-Session-Id")) {
    request_.session_id.assign(value.data(), value.size());
  } else if (iequals(name_text, "MCP-Protocol-Version")) {
    request_.protocol_version.assign(value.data(), value.size());
  }
}

void HttpParser::on_body_init_impl(const boost::optional<std::uint64_t>& length,
                                   ErrorCode& /*error*/) {
  if (length && *length <= kMaxReserve) {
    request_.body.reserve(static_cast<std::size_t>(*length) + simdjson::SIMDJSON_PADDING);
  }
}

std::size_t HttpParser::on_body_impl(View body, ErrorCode& /*error*/) {
  request_.body.append(body.data(), body.size());
  return body.size();
}

std::size_t HttpParser::on_chunk_body_impl(std::uint64_t /*remain*/, View body,
                                           ErrorCode& /*error*/) {
  request_.body.append(body.data(), body.size());
  return body.size();
}

}  // namespace mcpbridge::demo

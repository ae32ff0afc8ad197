#include <array>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "tests/bench/load_run.h"

namespace mcpbridge::bench {
namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;

// Beast's parser, keeping the status and the body only.
class ResponseParser final : public boost::beast::http::basic_parser<false> {
 public:
  explicit ResponseParser(std::string& body) : body_(body) {
    body_.clear();
    eager(true);
    body_limit(boost::none);
  }
  int status() const { return status_; }

 private:
  using View = boost::beast::string_view;
  void on_request_impl(boost::beast::http::verb, View, View, int, error_code&) override {}
  void on_response_impl(int status, View, int, error_code&) override { status_ = status; }
  void on_field_impl(boost::beast::http::field, View, View, error_code&) override {}
  void on_header_impl(error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(View bytes, error_code&) override {
    body_.append(bytes.data(), bytes.size());
    return bytes.size();
  }
  void on_chunk_header_impl(std::uint64_t, View, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, View bytes, error_code&) override {
    body_.append(bytes.data(), bytes.size());
    return bytes.size();
  }
  void on_finish_impl(error_code&) override {}

  std::string& body_;
  int status_ = 0;
};

// One keep-alive connection with one call on it at a time.
class Connection {
 public:
  Connection(boost::asio::io_context& io, const LoadOptions& options, LoadRun& run)
      : run_(run), socket_(io) {
    socket_.connect({boost::asio::ip::make_address(options.host), options.port});
    socket_.set_option(tcp::no_delay(true));
    BuildRequest(options);
  }

  void Start() {
    const std::string id = std::to_string(run_.NextId());
    request_.replace(id_at_, id.size(), id);
    request_.replace(text_at_, id.size(), id);
    id_ = id;
    started_ = Clock::now();
    parser_.emplace(body_);
    boost::asio::async_write(socket_, boost::asio::buffer(request_),
                             [this](error_code error, std::size_t) {
                               if (!error) Read();
                             });
  }

 private:
  // Only digits change from call to call, so the length is always the same.
  void BuildRequest(const LoadOptions& options) {
    const std::string digits(10, '0');
    std::string body = R"({"jsonrpc":"2.0","id":)";
    id_at_ = body.size();
    body += digits + R"(,"method":"tools/call","params":{"name":")" + options.tool +
            R"(","arguments":{"text":"text-)";
    text_at_ = body.size();
    body += digits + R"("}}})";
    request_ =
        "POST " + options.path + " HTTP/1.1\r\nHost: " + options.host + ":" +
        std::to_string(options.port) +
        "\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\n"
        "MCP-Protocol-Version: 2025-11-25\r\nContent-Length: " +
        std::to_string(body.size()) + "\r\n\r\n";
    id_at_ += request_.size();
    text_at_ += request_.size();
    request_ += body;
  }

  void Read() {
    socket_.async_read_some(boost::asio::buffer(in_.data() + size_, in_.size() - size_),
                            [this](error_code error, std::size_t size) {
                              if (!error) OnRead(size);
                            });
  }

  void OnRead(std::size_t size) {
    size_ += size;
    error_code error;
    const std::size_t used = parser_->put(boost::asio::const_buffer(in_.data(), size_), error);
    std::copy(in_.begin() + static_cast<std::ptrdiff_t>(used),
              in_.begin() + static_cast<std::ptrdiff_t>(size_), in_.begin());
    size_ -= used;
    if (error && error != boost::beast::http::error::need_more) return;  // reported as unanswered
    if (!parser_->is_done()) return Read();
    if (run_.OnCallDone(started_, Right())) Start();
  }

  bool Right() const {
    const std::size_t at = body_.find("\"id\":" + id_);
    return parser_->status() == 200 && at != std::string::npos &&
           body_.find("\"text\":\"text-" + id_ + "\"") != std::string::npos;
  }

  LoadRun& run_;
  boost::asio::basic_stream_socket<tcp, boost::asio::io_context::executor_type> socket_;
  std::string request_;
  std::size_t id_at_ = 0;
  std::size_t text_at_ = 0;
  std::string id_;
  Clock::time_point started_;
  std::array<char, 16 << 10> in_;
  std::size_t size_ = 0;
  std::string body_;
  std::optional<ResponseParser> parser_;
};

}  // namespace

void RunHttpLoad(const LoadOptions& options, LoadRun& run) {
  boost::asio::io_context io(1);
  std::vector<std::unique_ptr<Connection>> connections;
  for (int i = 0; i < options.connections; ++i) {
    connections.push_back(std::make_unique<Connection>(io, options, run));
  }
  for (const auto& connection : connections) connection->Start();
  io.run_until(run.give_up());
}

}  // namespace mcpbridge::bench

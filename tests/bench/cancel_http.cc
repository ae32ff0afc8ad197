#include <array>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/bench/cancel_load.h"

namespace mcpbridge::bench {
namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;
using Executor = boost::asio::io_context::executor_type;

// Connects, calls, waits, and closes the connection, which is how a caller without a session
// cancels.
class Caller {
 public:
  Caller(boost::asio::io_context& io, const CancelOptions& options, Cancelled& cancelled)
      : options_(options), cancelled_(cancelled), socket_(io), timer_(io) {}

  void Start() {
    const std::size_t colon = options_.target.rfind(':');
    const auto port = static_cast<std::uint16_t>(std::stoi(options_.target.substr(colon + 1)));
    sleep_ = cancelled_.NextSleep();
    const std::string body = R"({"jsonrpc":"2.0","id":)" + std::to_string(sleep_) +
                             R"(,"method":"tools/call","params":{"name":")" + options_.tool +
                             R"(","arguments":{"ms":)" + std::to_string(sleep_) + "}}}";
    request_ = "POST " + options_.path + " HTTP/1.1\r\nHost: " + options_.target +
               "\r\nContent-Type: application/json\r\n"
               "Accept: application/json, text/event-stream\r\n"
               "MCP-Protocol-Version: 2025-11-25\r\nContent-Length: " +
               std::to_string(body.size()) + "\r\n\r\n" + body;
    socket_.connect({boost::asio::ip::make_address(options_.target.substr(0, colon)), port});
    socket_.set_option(tcp::no_delay(true));
    boost::asio::write(socket_, boost::asio::buffer(request_));
    open_ = true;
    socket_.async_read_some(boost::asio::buffer(in_), [this](error_code, std::size_t) {
      if (open_) ++cancelled_.failures;  // an answer, or the end: none was to come
    });
    timer_.expires_after(cancelled_.Patience());
    timer_.async_wait([this](error_code) { Cancel(); });
  }

 private:
  void Cancel() {
    open_ = false;
    cancelled_.Note(sleep_);
    socket_.close();
    if (Clock::now() >= options_.end) return;
    timer_.expires_after(std::chrono::milliseconds(2));  // what was closed has come back by then
    timer_.async_wait([this](error_code) { Start(); });
  }

  const CancelOptions& options_;
  Cancelled& cancelled_;
  boost::asio::basic_stream_socket<tcp, Executor> socket_;
  boost::asio::basic_waitable_timer<Clock, boost::asio::wait_traits<Clock>, Executor> timer_;
  std::int64_t sleep_ = 0;
  std::string request_;
  std::array<char, 4096> in_;
  bool open_ = false;
};

}  // namespace

void CancelOverHttp(const CancelOptions& options, Cancelled& cancelled) {
  boost::asio::io_context io(1);
  std::vector<std::unique_ptr<Caller>> callers;
  for (int i = 0; i < options.callers; ++i) {
    callers.push_back(std::make_unique<Caller>(io, options, cancelled));
    callers.back()->Start();
  }
  io.run();
}

}  // namespace mcpbridge::bench

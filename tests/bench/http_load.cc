#include <algorithm>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/error.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tests/bench/http_response.h"
#include "tests/bench/load_run.h"

namespace mcpbridge::bench {
namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;

std::string HeadOf(const LoadOptions& options) {
  std::string head = "POST " + options.path + " HTTP/1.1\r\nHost: " + options.host + ":" +
                     std::to_string(options.port) +
                     "\r\nContent-Type: application/json\r\n"
                     "Accept: application/json, text/event-stream\r\n";
  for (const std::string& header : options.headers) head += header + "\r\n";
  return head;
}

// One keep-alive connection with one call on it at a time.
class Connection {
 public:
  using OnIdle = std::function<void(Connection&)>;

  // `on_idle`: after a call, if there are to be more. Connects, and begins a session if there is to
  // be one.
  Connection(boost::asio::io_context& io, const LoadOptions& options, LoadRun& run, OnIdle on_idle)
      : run_(run), on_idle_(std::move(on_idle)), socket_(io), head_(HeadOf(options)) {
    socket_.connect({boost::asio::ip::make_address(options.host), options.port});
    socket_.set_option(tcp::no_delay(true));
    if (options.sessions) BeginSession(options);
    head_ += "MCP-Protocol-Version: " + options.protocol_version + "\r\nContent-Length: ";
  }

  // Latency counts from `started`.
  void Start(Clock::time_point started) {
    const std::uint64_t id = run_.NextId();
    id_ = id;
    body_out_ = R"({"jsonrpc":"2.0","id":)";
    body_out_.append(std::to_string(id)).append(R"(,"method":"tools/call","params":{"name":")");
    body_out_.append(run_.work().ToolOf(id)).append(R"(","arguments":)");
    run_.work().AppendArguments(body_out_, id);
    body_out_ += "}}";
    request_ = head_;
    request_.append(std::to_string(body_out_.size())).append("\r\n\r\n").append(body_out_);
    started_ = started;
    response_.emplace(body_);
    boost::asio::async_write(socket_, boost::asio::buffer(request_),
                             [this](error_code error, std::size_t) {
                               if (error) return run_.KeepExample(error.message());
                               Read();
                             });
  }

 private:
  // What a client of MCP does first; the session's id goes into the head.
  void BeginSession(const LoadOptions& options) {
    const std::string session =
        Ask(R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":")" +
            options.protocol_version +
            R"(","capabilities":{},"clientInfo":{"name":"bench-load","version":"1"}}})");
    if (!session.empty()) head_ += "Mcp-Session-Id: " + session + "\r\n";
    Ask(R"({"jsonrpc":"2.0","method":"notifications/initialized"})");
  }

  // Posts and waits for the answer; the session id in it.
  std::string Ask(const std::string& message) {
    const std::string request =
        head_ + "Content-Length: " + std::to_string(message.size()) + "\r\n\r\n" + message;
    boost::asio::write(socket_, boost::asio::buffer(request));
    HttpResponse response(body_);
    error_code error;
    std::size_t size = 0;
    while (!response.is_done()) {
      if (in_.size() == size) in_.resize(size + kPiece);
      size += socket_.read_some(boost::asio::buffer(in_.data() + size, in_.size() - size));
      const std::size_t used = response.put(boost::asio::const_buffer(in_.data(), size), error);
      if (error && error != boost::beast::http::error::need_more) {
        throw std::runtime_error("a session couldn't be begun: " + error.message());
      }
      std::copy(in_.begin() + static_cast<std::ptrdiff_t>(used),
                in_.begin() + static_cast<std::ptrdiff_t>(size), in_.begin());
      size -= used;
    }
    if (response.status() >= 300) {
      throw std::runtime_error("a session couldn't be begun: " + body_.substr(0, 200));
    }
    return response.session_id();
  }

  void Read() {
    if (in_.size() - size_ < kPiece / 2) in_.resize(in_.size() + kPiece);
    socket_.async_read_some(boost::asio::buffer(in_.data() + size_, in_.size() - size_),
                            [this](error_code error, std::size_t size) {
                              if (error) return run_.KeepExample(error.message());
                              OnRead(size);
                            });
  }

  void OnRead(std::size_t size) {
    size_ += size;
    error_code error;
    const std::size_t used = response_->put(boost::asio::const_buffer(in_.data(), size_), error);
    std::copy(in_.begin() + static_cast<std::ptrdiff_t>(used),
              in_.begin() + static_cast<std::ptrdiff_t>(size_), in_.begin());
    size_ -= used;
    if (error && error != boost::beast::http::error::need_more) {
      return run_.KeepExample(error.message());  // reported as unanswered
    }
    if (!response_->is_done()) return Read();
    const bool right = response_->status() == 200 && HasId(body_, std::to_string(id_)) &&
                       run_.work().IsRight(FirstTextIn(body_), id_);
    if (!right) run_.KeepExample(std::to_string(response_->status()) + " " + body_);
    if (run_.OnCallDone(started_, right)) on_idle_(*this);
  }

  static constexpr std::size_t kPiece = 8 << 10;

  LoadRun& run_;
  const OnIdle on_idle_;
  boost::asio::basic_stream_socket<tcp, boost::asio::io_context::executor_type> socket_;
  std::string head_;
  std::string body_out_;
  std::string request_;
  std::uint64_t id_ = 0;
  Clock::time_point started_;
  std::vector<char> in_;
  std::size_t size_ = 0;
  std::string body_;
  std::optional<HttpResponse> response_;
};

// Begins calls when they are due, on whichever connection is idle; where none is, a call begins as
// soon as one is, and its latency counts from when it was due.
class Pacer {
 public:
  Pacer(boost::asio::io_context& io, LoadRun& run) : run_(run), timer_(io) {}

  void OnIdle(Connection& connection) {
    if (const auto due = run_.TakeDue(Clock::now())) {
      connection.Start(*due);
    } else {
      idle_.push_back(&connection);
    }
  }

  void Wait() {
    timer_.expires_at(run_.next_due());
    timer_.async_wait([this](error_code error) {
      if (error || Clock::now() >= run_.end()) return;
      while (!idle_.empty()) {
        const auto due = run_.TakeDue(Clock::now());
        if (!due) break;
        Connection& connection = *idle_.back();
        idle_.pop_back();
        connection.Start(*due);
      }
      Wait();
    });
  }

 private:
  LoadRun& run_;
  boost::asio::basic_waitable_timer<Clock, boost::asio::wait_traits<Clock>,
                                    boost::asio::io_context::executor_type>
      timer_;
  std::vector<Connection*> idle_;
};

}  // namespace

void RunHttpLoad(const LoadOptions& options, LoadRun& run) {
  boost::asio::io_context io(1);
  Pacer pacer(io, run);
  const Connection::OnIdle on_idle = [&](Connection& connection) {
    if (options.rate > 0) {
      pacer.OnIdle(connection);
    } else {
      connection.Start(Clock::now());
    }
  };
  std::vector<std::unique_ptr<Connection>> connections;
  for (int i = 0; i < options.connections; ++i) {
    connections.push_back(std::make_unique<Connection>(io, options, run, on_idle));
  }
  run.Begin();
  for (const auto& connection : connections) on_idle(*connection);
  if (options.rate > 0) pacer.Wait();
  io.run_until(run.give_up());
}

}  // namespace mcpbridge::bench

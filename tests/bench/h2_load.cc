#include <algorithm>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "mcpbridge/v1/tool_service.pb.h"
#include "tests/bench/load_run.h"

namespace mcpbridge::bench {
namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;

// HTTP/2's frames (RFC 9113), as far as a client of small unary RPCs needs them.
enum FrameType : std::uint8_t {
  kData = 0,
  kHeaders = 1,
  kReset = 3,
  kSettings = 4,
  kPing = 6,
  kGoAway = 7,
  kWindowUpdate = 8,
};
constexpr std::uint8_t kEndStream = 1;
constexpr std::uint8_t kAck = 1;
constexpr std::uint8_t kEndHeaders = 4;
constexpr std::size_t kFrameHead = 9;
constexpr std::uint32_t kLargest = 0x7fffffff;
constexpr std::uint32_t kInitialWindow = 65535;
constexpr std::uint32_t kCreditPiece = 1 << 20;  // of what was received, before it is given back

void AppendNumber(std::string& out, std::uint32_t number, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) {
    out += static_cast<char>(number >> shift & 0xff);
  }
}

std::uint32_t NumberAt(std::string_view in, std::size_t at, int bytes) {
  std::uint32_t number = 0;
  for (int i = 0; i < bytes; ++i) {
    number = number << 8 | static_cast<std::uint8_t>(in[at + static_cast<std::size_t>(i)]);
  }
  return number;
}

void AppendFrame(std::string& out, FrameType type, std::uint8_t flags, std::uint32_t stream,
                 std::string_view payload) {
  AppendNumber(out, static_cast<std::uint32_t>(payload.size()), 3);
  out += static_cast<char>(type);
  out += static_cast<char>(flags);
  AppendNumber(out, stream, 4);
  out += payload;
}

void AppendSetting(std::string& out, std::uint32_t name, std::uint32_t value) {
  AppendNumber(out, name, 2);
  AppendNumber(out, value, 4);
}

void AppendString(std::string& out, std::string_view text) {  // shorter than 127
  out += static_cast<char>(text.size());
  out += text;
}

// The headers of every call (RFC 7541), by HPACK's static table and without its dynamic one.
std::string HeadersOf(const std::string& authority) {
  std::string block = "\x83\x86";  // :method POST, :scheme http
  AppendString(block += '\x04', "/mcpbridge.v1.ToolService/CallTool");  // :path
  AppendString(block += '\x01', authority);                             // :authority
  AppendString(block += "\x0f\x10", "application/grpc");                // content-type
  block += '\0';                                                        // a name of its own
  AppendString(block, "te");
  AppendString(block, "trailers");
  return block;
}

// One connection, with many calls on it. Costs a tenth of what a gRPC client does.
class Connection {
 public:
  Connection(boost::asio::io_context& io, const LoadOptions& options, LoadRun& run)
      : run_(run),
        socket_(io),
        headers_(HeadersOf(options.host + ":" + std::to_string(options.port))),
        in_(256 << 10) {
    socket_.connect({boost::asio::ip::make_address(options.host), options.port});
    socket_.set_option(tcp::no_delay(true));
    out_ = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    std::string settings;
    AppendSetting(settings, 1, 0);         // no dynamic table, so that headers needn't be read
    AppendSetting(settings, 4, kLargest);  // no stream ever waits for credit
    AppendFrame(out_, kSettings, 0, 0, settings);
    GiveCredit(kLargest - kInitialWindow);
    Flush();
    Read();
  }

  void Start() {
    const std::uint64_t id = run_.NextId();
    request_.set_name(run_.work().ToolOf(id));
    request_.mutable_arguments_json()->clear();
    run_.work().AppendArguments(*request_.mutable_arguments_json(), id);
    const std::string message = request_.SerializeAsString();
    std::string data(1, '\0');  // not compressed
    AppendNumber(data, static_cast<std::uint32_t>(message.size()), 4);
    data += message;
    waiting_.push_back({.id = id, .started = Clock::now(), .data = std::move(data)});
    SendWaiting();
  }

 private:
  struct Call {
    std::uint64_t id = 0;
    Clock::time_point started;
    std::string data;  // what is to be sent, then what has come
  };

  // As far as the server has given credit for it.
  void SendWaiting() {
    while (!waiting_.empty() && waiting_.front().data.size() <= credit_) {
      Call& call = waiting_.front();
      AppendFrame(out_, kHeaders, kEndHeaders, next_stream_, headers_);
      AppendFrame(out_, kData, kEndStream, next_stream_, call.data);
      credit_ -= call.data.size();
      call.data.clear();
      calls_.emplace(next_stream_, std::move(call));
      waiting_.pop_front();
      next_stream_ += 2;
    }
    Flush();
  }

  void Flush() {
    if (writing_ || out_.empty()) return;
    writing_ = true;
    std::swap(out_, sending_);
    boost::asio::async_write(socket_, boost::asio::buffer(sending_),
                             [this](error_code error, std::size_t) {
                               if (error) return run_.KeepExample(error.message());
                               writing_ = false;
                               sending_.clear();
                               Flush();
                             });
  }

  void Read() {
    socket_.async_read_some(boost::asio::buffer(in_.data() + size_, in_.size() - size_),
                            [this](error_code error, std::size_t size) {
                              if (error) return run_.KeepExample(error.message());
                              size_ += size;
                              TakeFrames();
                              Read();
                            });
  }

  void TakeFrames() {
    const std::string_view in(in_.data(), size_);
    std::size_t begin = 0;
    while (size_ - begin >= kFrameHead) {
      const std::size_t length = NumberAt(in, begin, 3);
      if (size_ - begin < kFrameHead + length) break;
      OnFrame(static_cast<FrameType>(in[begin + 3]), static_cast<std::uint8_t>(in[begin + 4]),
              NumberAt(in, begin + 5, 4) & kLargest, in.substr(begin + kFrameHead, length));
      begin += kFrameHead + length;
    }
    std::copy(in_.begin() + static_cast<std::ptrdiff_t>(begin),
              in_.begin() + static_cast<std::ptrdiff_t>(size_), in_.begin());
    size_ -= begin;
    SendWaiting();
  }

  void OnFrame(FrameType type, std::uint8_t flags, std::uint32_t stream, std::string_view payload) {
    if (type == kSettings && (flags & kAck) == 0) {
      AppendFrame(out_, kSettings, kAck, 0, {});
    } else if (type == kPing && (flags & kAck) == 0) {
      AppendFrame(out_, kPing, kAck, 0, payload);
    } else if (type == kWindowUpdate && stream == 0) {
      credit_ += NumberAt(payload, 0, 4) & kLargest;
    } else if (type == kGoAway) {
      run_.KeepExample("the server said GOAWAY");
    } else if (const auto call = calls_.find(stream); call != calls_.end()) {
      if (type == kData) OnData(call->second, payload);
      const bool ends = (type == kData || type == kHeaders) && (flags & kEndStream) != 0;
      if (ends || type == kReset) OnEnd(call);
    }
  }

  void OnData(Call& call, std::string_view payload) {
    call.data += payload;
    received_ += static_cast<std::uint32_t>(payload.size());
    if (received_ >= kCreditPiece) GiveCredit(std::exchange(received_, 0));
  }

  void GiveCredit(std::uint32_t bytes) {
    std::string payload;
    AppendNumber(payload, bytes, 4);
    AppendFrame(out_, kWindowUpdate, 0, 0, payload);
  }

  void OnEnd(std::unordered_map<std::uint32_t, Call>::iterator ended) {
    const Call call = std::move(ended->second);
    calls_.erase(ended);
    // Without a message the call has failed; its status is in the trailers, which aren't read.
    const std::string_view message =
        std::string_view(call.data).substr(std::min<std::size_t>(call.data.size(), 5));
    const bool right = call.data.size() > 5 &&
                       response_.ParseFromArray(message.data(), static_cast<int>(message.size())) &&
                       !response_.is_error() && response_.content_size() == 1 &&
                       run_.work().IsRight(response_.content(0).text().text(), call.id);
    if (!right) run_.KeepExample("an RPC failed, or its answer is wrong");
    if (run_.OnCallDone(call.started, right)) Start();
  }

  LoadRun& run_;
  boost::asio::basic_stream_socket<tcp, boost::asio::io_context::executor_type> socket_;
  const std::string headers_;
  v1::CallToolRequest request_;
  v1::CallToolResponse response_;
  std::deque<Call> waiting_;                       // not sent yet
  std::unordered_map<std::uint32_t, Call> calls_;  // by stream
  std::uint32_t next_stream_ = 1;
  std::size_t credit_ = kInitialWindow;  // bytes of data that the server takes
  std::uint32_t received_ = 0;           // bytes of data that no credit was given back for
  std::string out_;
  std::string sending_;
  bool writing_ = false;
  std::vector<char> in_;  // longer than any frame
  std::size_t size_ = 0;
};

}  // namespace

void RunH2Load(const LoadOptions& options, LoadRun& run) {
  boost::asio::io_context io(1);
  std::vector<std::unique_ptr<Connection>> connections;
  for (int i = 0; i < options.channels; ++i) {
    connections.push_back(std::make_unique<Connection>(io, options, run));
  }
  run.Begin();
  for (int i = 0; i < options.connections; ++i) {
    connections[static_cast<std::size_t>(i) % connections.size()]->Start();
  }
  while (!run.done(options.connections) && Clock::now() < run.give_up()) {
    io.run_one_until(run.give_up());
  }
}

}  // namespace mcpbridge::bench

#include "examples/demo_server/http_connection.h"

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/error.hpp>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "examples/demo_server/http_parser.h"
#include "examples/demo_server/http_response.h"

namespace mcpbridge::demo {
namespace {

namespace http = boost::beast::http;
using boost::system::error_code;

// Browsers say where a page is from; only pages from this machine may call (DNS rebinding).
bool OriginAllowed(std::string_view origin) {
  if (origin.empty()) return true;
  const std::size_t scheme = origin.find("://");
  if (scheme == std::string_view::npos) return false;
  std::string_view host = origin.substr(scheme + 3);
  host = host.substr(
      0, host.rfind(']') == std::string_view::npos ? host.find(':') : host.rfind(']') + 1);
  return host == "localhost" || host == "127.0.0.1" || host == "[::1]";
}

// One connection: reads a request, answers it, reads the next. While a call runs it goes on
// reading, to notice when the caller leaves.
template <class Stream>
class HttpConnection final : public std::enable_shared_from_this<HttpConnection<Stream>>,
                             private CallSink {
 public:
  HttpConnection(Stream stream, McpEndpoint& endpoint)
      : stream_(std::move(stream)), endpoint_(endpoint), shared_(endpoint.shared()) {
    shared_.stats.connections_opened.fetch_add(1, std::memory_order_relaxed);
    parser_.emplace(request_);
  }

  ~HttpConnection() { shared_.stats.connections_closed.fetch_add(1, std::memory_order_relaxed); }

  void Start() {
    error_code ignored;
    stream_.lowest_layer().set_option(boost::asio::ip::tcp::no_delay(true), ignored);
    if constexpr (std::is_same_v<Stream, Socket>) {
      Read();
    } else {
      stream_.async_handshake(boost::asio::ssl::stream_base::server,
                              [self = this->shared_from_this()](error_code error) {
                                if (!error) self->Read();
                              });
    }
  }

 private:
  void Read();
  void OnRead(error_code error, std::size_t size);
  void Process();
  void OnBadRequest(error_code error);
  void Flush();
  void OnWritten(error_code error);
  void Close();
  void Fail(int status, std::string_view text);

  void Serve();
  void ServePost();
  void ServeDelete();
  std::optional<std::pair<int, std::string_view>> CheckPost() const;
  bool StreamAllowed() const { return request_.accepts_sse && request_.http_1_1; }
  void SendReply(const ResponseHead& head, std::string_view json);
  void BeginCall(std::shared_ptr<RunningCall> call);
  void EndCall();

  void OnNotification(std::string_view json) override;
  void OnReply(std::string_view json) override;
  void OnCancelled() override;

  Stream stream_;
  McpEndpoint& endpoint_;
  Shared& shared_;

  std::array<char, 16 << 10> in_;
  std::size_t in_begin_ = 0;
  std::size_t in_end_ = 0;
  bool reading_ = false;
  HttpRequest request_;
  std::optional<HttpParser> parser_;

  std::string reply_;    // the JSON-RPC response at hand
  std::string out_;      // to be written next
  std::string sending_;  // being written
  bool writing_ = false;
  bool closing_ = false;  // close when all is written
  bool closed_ = false;

  std::shared_ptr<RunningCall> call_;     // set while a call runs
  std::shared_ptr<HttpConnection> self_;  // likewise: the call must find us alive
  bool streaming_ = false;                // its answer has begun, as an event stream
};

template <class Stream>
void HttpConnection<Stream>::Read() {
  if (reading_ || closed_) return;
  std::memmove(in_.data(), in_.data() + in_begin_, in_end_ - in_begin_);
  in_end_ -= in_begin_;
  in_begin_ = 0;
  if (in_end_ == in_.size()) return;  // only while a call runs: enough is waiting
  reading_ = true;
  stream_.async_read_some(boost::asio::buffer(in_.data() + in_end_, in_.size() - in_end_),
                          [self = this->shared_from_this()](error_code error, std::size_t size) {
                            self->OnRead(error, size);
                          });
}

template <class Stream>
void HttpConnection<Stream>::OnRead(error_code error, std::size_t size) {
  reading_ = false;
  if (error) return Close();
  in_end_ += size;
  if (call_) {
    Read();
  } else if (!writing_) {
    Process();
  }
}

template <class Stream>
void HttpConnection<Stream>::Process() {
  if (in_begin_ == in_end_) return Read();
  error_code error;
  in_begin_ +=
      parser_->put(boost::asio::const_buffer(in_.data() + in_begin_, in_end_ - in_begin_), error);
  if (error && error != http::error::need_more) return OnBadRequest(error);
  if (parser_->is_done()) {
    closing_ = !parser_->keep_alive();
    Serve();
    return Flush();
  }
  if (parser_->is_header_done() && std::exchange(request_.expects_continue, false)) {
    out_ += "HTTP/1.1 100 Continue\r\n\r\n";
    return Flush();
  }
  Read();
}

template <class Stream>
void HttpConnection<Stream>::OnBadRequest(error_code error) {
  closing_ = true;
  if (error == http::error::body_limit) {
    Fail(413, "Content too large");
  } else if (error == http::error::header_limit) {
    Fail(431, "Header too large");
  } else {
    Fail(400, "Malformed HTTP");
  }
  Flush();
}

template <class Stream>
void HttpConnection<Stream>::Flush() {
  if (writing_ || closed_ || out_.empty()) return;
  writing_ = true;
  std::swap(out_, sending_);
  boost::asio::async_write(
      stream_, boost::asio::buffer(sending_),
      [self = this->shared_from_this()](error_code error, std::size_t) { self->OnWritten(error); });
}

template <class Stream>
void HttpConnection<Stream>::OnWritten(error_code error) {
  writing_ = false;
  sending_.clear();
  if (error) return Close();
  if (!out_.empty()) return Flush();
  if (call_) return;
  if (closing_) return Close();
  if (parser_->is_done()) parser_.emplace(request_);
  Process();
}

template <class Stream>
void HttpConnection<Stream>::Close() {
  if (std::exchange(closed_, true)) return;
  if (const auto call = std::exchange(call_, nullptr)) {
    if (shared_.options.sessions) {
      call->Detach();
    } else if (call->Abandon()) {
      shared_.stats.disconnected_calls.fetch_add(1, std::memory_order_relaxed);
    }
  }
  error_code ignored;
  stream_.lowest_layer().shutdown(boost::asio::ip::tcp::socket::shutdown_both, ignored);
  stream_.lowest_layer().close(ignored);
  const auto released = std::move(self_);  // may be the last reference
}

template <class Stream>
void HttpConnection<Stream>::Fail(int status, std::string_view text) {
  WriteError(reply_, {}, -32600, text);
  AppendResponse(out_, {.status = status, .close = closing_}, reply_);
}

template <class Stream>
void HttpConnection<Stream>::Serve() {
  const std::string_view target = std::string_view(request_.target);
  const std::string_view path = target.substr(0, target.find('?'));
  if (path == "/stats" && request_.method == http::verb::get) {
    return AppendResponse(out_, {.close = closing_}, shared_.stats.ToJson());
  }
  if (path == "/cancelled" && request_.method == http::verb::get) {
    return AppendResponse(out_, {.close = closing_}, shared_.stats.StoppedToJson());
  }
  if (path != "/mcp" && path != "/mcp/") return Fail(404, "No such path");
  if (!OriginAllowed(request_.origin)) return Fail(403, "Origin not allowed");
  if (request_.method == http::verb::post) return ServePost();
  if (request_.method == http::verb::delete_ && shared_.options.sessions) return ServeDelete();
  Fail(405, "Method not allowed");
}

template <class Stream>
std::optional<std::pair<int, std::string_view>> HttpConnection<Stream>::CheckPost() const {
  using Fault = std::pair<int, std::string_view>;
  if (!request_.json_body) return Fault(415, "Content-Type must be application/json");
  if (!request_.accepts_json || !request_.accepts_sse) {
    return Fault(406, "Accept must have application/json and text/event-stream");
  }
  if (!request_.protocol_version.empty() && !IsKnownVersion(request_.protocol_version)) {
    return Fault(400, "Unsupported MCP-Protocol-Version");
  }
  return std::nullopt;
}

template <class Stream>
void HttpConnection<Stream>::ServePost() {
  if (const auto fault = CheckPost()) return Fail(fault->first, fault->second);
  Outcome outcome =
      endpoint_.Handle(request_.body, request_.session_id, shared_.options.sessions, *this, reply_);
  const ResponseHead head{
      .status = outcome.http_status, .session_id = outcome.session_opened, .close = closing_};
  switch (outcome.kind) {
    case Outcome::Kind::kReply:
      return SendReply(head, reply_);
    case Outcome::Kind::kAccepted:
      return AppendResponse(out_, head, {});
    case Outcome::Kind::kRunning:
      return BeginCall(std::move(outcome.call));
  }
}

template <class Stream>
void HttpConnection<Stream>::ServeDelete() {
  if (request_.session_id.empty()) return Fail(400, "Mcp-Session-Id is needed");
  if (!shared_.sessions.Close(request_.session_id)) return Fail(404, "Session not found");
  shared_.stats.sessions_closed.fetch_add(1, std::memory_order_relaxed);
  AppendResponse(out_, {.status = 200, .close = closing_}, {});
}

template <class Stream>
void HttpConnection<Stream>::SendReply(const ResponseHead& head, std::string_view json) {
  if (head.status != 200 || shared_.options.answer != AnswerForm::kSse || !StreamAllowed()) {
    return AppendResponse(out_, head, json);
  }
  AppendStreamHead(out_, head);
  AppendStreamEvent(out_, json);
  AppendStreamEnd(out_);
}

template <class Stream>
void HttpConnection<Stream>::BeginCall(std::shared_ptr<RunningCall> call) {
  call_ = std::move(call);
  self_ = this->shared_from_this();
  if (shared_.options.answer == AnswerForm::kSse && StreamAllowed()) {
    streaming_ = true;
    AppendStreamHead(out_, {.close = closing_});
  }
  Read();
}

template <class Stream>
void HttpConnection<Stream>::EndCall() {
  call_.reset();
  streaming_ = false;
  const auto self = std::move(self_);
  Flush();
}

template <class Stream>
void HttpConnection<Stream>::OnNotification(std::string_view json) {
  if (shared_.options.answer == AnswerForm::kJson || !StreamAllowed()) return;
  if (!std::exchange(streaming_, true)) AppendStreamHead(out_, {.close = closing_});
  AppendStreamEvent(out_, json);
  Flush();
}

template <class Stream>
void HttpConnection<Stream>::OnReply(std::string_view json) {
  if (streaming_) {
    AppendStreamEvent(out_, json);
    AppendStreamEnd(out_);
  } else {
    AppendResponse(out_, {.close = closing_}, json);
  }
  EndCall();
}

template <class Stream>
void HttpConnection<Stream>::OnCancelled() {
  if (!streaming_) {
    call_.reset();
    return Close();
  }
  AppendStreamEnd(out_);
  EndCall();
}

}  // namespace

void ServeHttp(Socket socket, McpEndpoint& endpoint, boost::asio::ssl::context* tls) {
  if (tls == nullptr) {
    std::make_shared<HttpConnection<Socket>>(std::move(socket), endpoint)->Start();
    return;
  }
  using TlsStream = boost::asio::ssl::stream<Socket>;
  std::make_shared<HttpConnection<TlsStream>>(TlsStream(std::move(socket), *tls), endpoint)
      ->Start();
}

}  // namespace mcpbridge::demo

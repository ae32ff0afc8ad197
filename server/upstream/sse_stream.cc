#include "server/upstream/sse_stream.h"

#include <utility>

#include "server/upstream/http_message.h"

namespace mcpbridge {

namespace http = boost::beast::http;

SseStream::SseStream(HttpPool& pool, const std::string& name, std::size_t event_bytes,
                     std::string request, Handler& handler)
    : name_(name),
      handler_(&handler),
      connection_(pool.ForStream()),
      events_(event_bytes, jsonrpc::SseParser::TooLarge::kSkip) {
  connection_->Send(std::move(request), *this);
}

void SseStream::Close() {
  handler_ = nullptr;
  if (connection_ != nullptr) std::exchange(connection_, nullptr)->Abort();
}

void SseStream::OnHead(const Head& head) {
  if (head.result_int() / 100 != 2) {
    End(StatusError(name_, head.result_int(), ParseRetryAfter(head[http::field::retry_after])));
  } else if (!HttpConnection::IsEventStream(head[http::field::content_type])) {
    End(Error{.reason = Reason::kUpstreamProtocol,
              .message = "the answer to GET is not an event stream: is `url` the one of the"
                         " server's SSE endpoint?"});
  } else {
    handler_->OnStreamOpen();
  }
}

void SseStream::OnBody(std::string_view chunk) {
  events_.Feed(chunk, [this](jsonrpc::SseEvent&& event) {
    handler_->OnEvent(std::move(event));
    return handler_ != nullptr;
  });
}

void SseStream::OnEnd() {
  connection_.reset();
  End(Error{.reason = Reason::kUpstreamLost, .message = "the server ended its event stream"});
}

void SseStream::OnFailure(Error error, bool) {
  connection_.reset();
  End(std::move(error));
}

void SseStream::End(Error error) {
  Handler* const handler = handler_;
  Close();
  handler->OnStreamEnd(std::move(error));
}

}  // namespace mcpbridge

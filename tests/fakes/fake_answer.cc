#include "tests/fakes/fake_answer.h"

#include <algorithm>
#include <cstdio>

#include "tests/fakes/fake_json.h"

namespace mcpbridge {
namespace {

std::string Chunk(std::string_view bytes) {
  char size[24];
  std::snprintf(size, sizeof size, "%zx\r\n", bytes.size());
  return std::string(size).append(bytes).append("\r\n");
}

std::string Event(const FakeAnswer& answer, std::string_view json) {
  const std::string_view eol = answer.crlf ? "\r\n" : "\n";
  std::string event = "event: message";
  event.append(eol).append("data: ").append(json).append(eol).append(eol);
  return answer.close_delimited ? event : Chunk(event);
}

std::string PrimingEvent(const FakeAnswer& answer) {
  const std::string_view eol = answer.crlf ? "\r\n" : "\n";
  std::string event = "id: 1";
  event.append(eol).append("retry: 50").append(eol).append("data: ").append(eol).append(eol);
  return answer.close_delimited ? event : Chunk(event);
}

std::string InChunks(std::string_view body) {
  constexpr std::size_t kChunk = 7;
  std::string chunks;
  for (; !body.empty(); body.remove_prefix(std::min(kChunk, body.size()))) {
    chunks += Chunk(body.substr(0, kChunk));
  }
  return chunks + "0\r\n\r\n";
}

std::string Head(const FakeAnswer& answer, const std::string& session, std::string_view type) {
  std::string head = "HTTP/1.1 " + std::to_string(answer.http_status) + " Fake\r\n";
  if (!answer.content_type.empty()) type = answer.content_type;
  if (!type.empty()) head.append("Content-Type: ").append(type).append("\r\n");
  if (!session.empty()) head.append("Mcp-Session-Id: ").append(session).append("\r\n");
  if (answer.connection_close || answer.close_delimited) head += "Connection: close\r\n";
  return head;
}

void RenderWhole(const FakeAnswer& answer, const std::string& body, RenderedAnswer& rendered) {
  if (answer.chunked) {
    rendered.head += "Transfer-Encoding: chunked\r\n";
    rendered.answer = InChunks(body);
  } else {
    if (!answer.close_delimited) {
      rendered.head += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    }
    rendered.answer = body;
  }
}

void RenderStream(const FakeAnswer& answer, const std::string& message, RenderedAnswer& rendered) {
  if (!answer.close_delimited) rendered.head += "Transfer-Encoding: chunked\r\n";
  if (answer.priming) rendered.before += PrimingEvent(answer);
  for (const std::string& json : answer.before) rendered.before += Event(answer, json);
  if (!answer.ends_early && !message.empty()) rendered.answer = Event(answer, message);
  if (!answer.close_delimited) rendered.answer += "0\r\n\r\n";
}

}  // namespace

FakeAnswer ListenAnswer(const FakeRequest& request) {
  FakeAnswer answer;
  answer.form = FakeAnswer::Form::kSse;
  answer.hold = true;
  answer.before = {
      R"({"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":)" +
      request.id + R"(},"notifications":)" + JsonMembers(request.params)["notifications"] + "}}"};
  answer.result = R"({"resultType":"complete","_meta":{"io.modelcontextprotocol/subscriptionId":)" +
                  request.id + "}}";
  return answer;
}

std::string ChunkedEvent(const std::string& json) { return Event(FakeAnswer{}, json); }

std::string FakeRequest::Header(const std::string& name) const {
  const auto at = headers.find(name);
  return at == headers.end() ? std::string() : at->second;
}

void RenderedAnswer::Cut(FakeAnswer::Cut cut) {
  close |= cut != FakeAnswer::Cut::kNowhere;
  switch (cut) {
    case FakeAnswer::Cut::kNowhere:
      return;
    case FakeAnswer::Cut::kBeforeHeaders:
      head.clear();
      [[fallthrough]];
    case FakeAnswer::Cut::kAfterHeaders:
      before.clear();
      [[fallthrough]];
    case FakeAnswer::Cut::kBeforeAnswer:
      answer.clear();
      return;
    case FakeAnswer::Cut::kHalfway:
      const std::size_t half = (before.size() + answer.size()) / 2;
      answer.resize(half > before.size() ? half - before.size() : 0);
      before.resize(std::min(before.size(), half));
      return;
  }
}

RenderedAnswer Render(const FakeAnswer& answer, const std::string& message,
                      const std::string& session) {
  RenderedAnswer rendered;
  rendered.close = answer.connection_close || answer.close_delimited;
  const bool own_body = !answer.body.empty();
  const bool stream =
      answer.form == FakeAnswer::Form::kSse && !own_body && (!message.empty() || answer.ends_early);
  const bool empty = !own_body && message.empty() && !stream;
  rendered.head = Head(
      answer, session,
      empty ? std::string_view()
            : (answer.form == FakeAnswer::Form::kSse ? "text/event-stream" : "application/json"));
  if (stream) {
    RenderStream(answer, message, rendered);
  } else {
    RenderWhole(answer, own_body ? answer.body : message, rendered);
  }
  rendered.head += "\r\n";
  rendered.Cut(answer.cut);
  return rendered;
}

}  // namespace mcpbridge

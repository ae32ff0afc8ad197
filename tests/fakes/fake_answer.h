#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace mcpbridge {

// One HTTP request as FakeMcpServer got it.
struct FakeRequest {
  std::string http_method;
  std::string path;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
  std::string method;     // JSON-RPC; empty: a response, or not JSON-RPC
  std::string id;         // raw JSON; empty: absent
  std::string params;     // JSON; empty: absent
  std::string tool;       // params.name of a tools/call
  std::string arguments;  // params.arguments of a tools/call, JSON
  std::string text;       // params.arguments.text, if that is a string
  int connection = 0;     // which one it came on, from 1

  // Empty: not sent. `name` in lower case.
  std::string Header(const std::string& name) const;
};

// How FakeMcpServer answers one request. As it is: as a good server does.
struct FakeAnswer {
  enum class Form { kJson, kSse };
  enum class Cut {
    kNowhere,
    kBeforeHeaders,  // nothing is sent
    kAfterHeaders,
    kBeforeAnswer,  // SSE: all but the answer's event is sent; JSON: same as kAfterHeaders
    kHalfway,       // half of what comes after the headers
  };

  // What is said. Both empty: the method's usual result; tools/call gives the argument `text` as
  // text.
  std::string result = {};  // raw JSON
  std::string error = {};   // raw JSON, instead of a result
  std::string id = {};      // raw JSON, instead of the request's id

  // When. A held answer waits for FakeMcpServer::Release(); with SSE its stream opens at once.
  bool hold = false;
  bool never = false;             // like hold, but nothing releases it
  bool answer_cancelled = false;  // held, and its cancellation releases it instead of dropping it

  // How.
  Form form = Form::kJson;
  int http_status = 200;
  std::string content_type = {};  // instead of the form's own
  std::string body = {};          // instead of any JSON-RPC message or event; sent if not empty
  std::vector<std::string> before = {};  // SSE: messages, each an event, before the answer's
  bool priming = false;     // SSE: an event with id 1, a retry of 50 ms and empty data comes first
  bool ends_early = false;  // SSE: the stream ends without the answer's event
  bool crlf = false;        // SSE: lines end in CR LF
  bool chunked = false;     // JSON: in chunks of 7 bytes; SSE: always chunked by event
  bool close_delimited = false;  // no length, no chunks: the end is the connection's end
  bool connection_close = false;
  std::size_t pad_bytes = 0;    // so many spaces in the JSON of the answer
  std::size_t piece_bytes = 0;  // written in pieces of so many bytes, 1 ms apart; 0: at once
  Cut cut = Cut::kNowhere;      // the connection closes here
  bool reset = false;           // ... by RST

  // Not empty: once this is answered, every held call is answered with this result, raw JSON.
  std::string release_result = {};
  // Once this is answered every session is forgotten: further requests in them get 404.
  bool drop_sessions = false;
};

// The answer of a server of MCP 2026-07-28 to `request`, a subscriptions/listen: a stream that is
// held and begins with the acknowledgement of all that was asked for.
FakeAnswer ListenAnswer(const FakeRequest& request);

// The bytes of `json` as an event of a chunked stream.
std::string ChunkedEvent(const std::string& json);

// The bytes of an answer.
struct RenderedAnswer {
  std::string head;    // HTTP headers
  std::string before;  // what comes before the answer
  std::string answer;
  bool close = false;  // then the connection closes

  // Leaves only what comes before `cut`.
  void Cut(FakeAnswer::Cut cut);
};

// `message` is the JSON-RPC response, `session` a session id to give, empty: none.
RenderedAnswer Render(const FakeAnswer& answer, const std::string& message,
                      const std::string& session);

}  // namespace mcpbridge
